/**
 * The half of the status tracker that lives in the device (RFC 9019 §2.3: the status tracker has a client
 * and a server component). It proves who the device is, says what it runs, asks what it should run, and
 * hands over reports. Whoever answers must prove itself too: only a receipt that the tracker signed, over
 * our own nonce, tells that we have reached it, and so may confirm a trial.
 */
import { hex, write } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { digest, encodeVerificationKey, equalInConstantTime, signAttached } from '@lapel/cose';
import type { Asked as Self } from '../policy/attributes.ts';
import type { Clock, Handler, Method, Random, Request, Response } from '@lapel/transport';
import { TransportError, bytesBody, discard, request, withDeadline } from '@lapel/transport';
import type {
  Answer as AnswerMessage,
  Characteristics,
  CheckInState,
  Offer,
  Terms,
  UpdateMode,
} from '../protocol.ts';
import {
  Answer,
  CheckIn,
  PollAnswer,
  Receipt,
  Registration,
  mediaTypes,
  messageBytesMax,
  offerBytesMax,
  protocolVersion,
} from '../protocol.ts';
import { content } from './content.ts';
import { parse, payloadOf } from './opened.ts';
import type { Session } from './session.ts';
import { sessionOf } from './session.ts';
import { openTrigger } from './trigger.ts';
import type { Trigger } from './trigger.ts';
import { showing } from './showing.ts';

export interface TrackerClientOptions {
  /** The way to the tracker. */
  readonly handler: Handler;
  readonly device: string;
  /** The device's own key; its public half is what the tracker knows the device by. */
  readonly key: SigningKey;
  /** What the tracker signs its receipts with; provisioned, like a trust anchor. */
  readonly trackerKey: VerificationKey;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly updateMode?: UpdateMode;
  /** How the device can be reached, what it reads and what it is: told with every registration. */
  readonly terms?: Terms;
  readonly characteristics?: () => Characteristics;
  /** What it may be admitted by, where nobody has provisioned it: a token, or its manufacturer's word. */
  readonly enrolmentToken?: Uint8Array;
  readonly certificates?: readonly Uint8Array[];
  /** How often it has started, where it counts that and keeps the count. */
  readonly starts?: () => number;
  /** The way proves who it is, as OSCORE does: no poll shows a token, but where it proves that to another. */
  readonly isProvenByChannel?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an exchange may last before it counts as unanswered. */
  readonly answerMsMax?: number;
}

export type { CheckInState } from '../protocol.ts';
export { freshness } from './newest.ts';
export { createScrutiny } from './scrutiny.ts';
export type { HeldTo, Scrutiny } from './scrutiny.ts';

export interface PollOptions {
  /**
   * How long the tracker may keep the answer back until there is something new (server-initiated updates).
   */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

export interface TrackerClient {
  /** As it has registered. */
  readonly self: Omit<Self, 'inventory'>;
  /** Starts a session: the token of the receipt replaces the one before. @throws {TransportError} */
  register(): Promise<Receipt>;
  /** The receipt is authentic and answers this very check-in. @throws {TransportError} */
  checkIn(state: CheckInState): Promise<Receipt>;
  /** What the tracker wants installed now, or undefined. @throws {TransportError} */
  poll(options?: PollOptions): Promise<Offer | undefined>;
  /** SHA-256 of the last word on the newest release, as the last poll named it. */
  readonly newest: Uint8Array | undefined;
  /** What an operator has signed, by its SHA-256. @throws {TransportError} */
  statement(digest: Uint8Array): Promise<Uint8Array>;
  /** Says whether the device will have what it was offered, and when. @throws {TransportError} */
  answer(offer: Offer, answered: Answered): Promise<void>;
  /**
   * Whether the tracker orders the device to go on with this offer now: each order counts once. Undefined
   * where it doesn't, or where the order is another device's, another session's, or one of before.
   */
  takeTrigger(offer: Offer): Trigger | undefined;
  /** @param signed a SUIT_Report under the device's key. @throws {TransportError} */
  report(signed: Uint8Array): Promise<void>;
}

/** What a device says to an offer; `until` is for `at` and `declined`, `because` for `refused`. */
export type Answered = Pick<AnswerMessage, 'decision' | 'until' | 'because'>;

const answerMsMaxDefault = 30_000;
const challengeBytesMax = 64;
const nonceBytes = 16;

export function createTrackerClient(options: TrackerClientOptions): TrackerClient {
  const { device, key, random } = options;
  let session: Session | undefined;
  const shown = showing(options.isProvenByChannel === true);
  let stated = admission(options);

  async function register(): Promise<Receipt> {
    const challenge = await content(await ask('GET', `/challenges/${device}`), challengeBytesMax);
    const nonce = random.bytes(nonceBytes);
    stated = admission(options);
    const registration = write(Registration, {
      version: protocolVersion,
      device,
      challenge,
      key: encodeVerificationKey(key.public),
      vendor: options.vendor,
      class: options.class,
      updateMode: options.updateMode ?? 'client-initiated',
      nonce,
      ...stated,
    });
    const response = await ask('POST', '/register', signedBody(registration));
    const receipt = openReceipt(await content(response, messageBytesMax), nonce);
    if (receipt.token === undefined) {
      throw new TransportError('malformed', 'expected a receipt with a token, found one without');
    }
    session = sessionOf(receipt.token);
    return receipt;
  }

  /** A tracker that has forgotten the session answers 401; a new one is made, once. */
  async function withSession(exchange: (session: Session) => Promise<Response>) {
    if (session === undefined) await register();
    let current = present();
    let response = await exchange(current);
    if (response.status === 'unauthorized') {
      await discard(response.body);
      await register();
      current = present();
      response = await exchange(current);
    }
    return { current, response };
  }

  function present(): Session {
    if (session === undefined) throw new TransportError('refused', 'expected a session, found none');
    return session;
  }

  async function checkIn(state: CheckInState): Promise<Receipt> {
    const nonce = random.bytes(nonceBytes);
    const { response } = await withSession((current) => {
      current.counter += 1;
      const { id, counter } = current;
      const message = { ...state, version: protocolVersion, device, session: id, counter, nonce } as const;
      return ask('POST', '/check-in', signedBody(write(CheckIn, message)));
    });
    return openReceipt(await content(response, messageBytesMax), nonce);
  }

  async function poll({ waitMs, signal }: PollOptions = {}): Promise<Offer | undefined> {
    const query = new Map(waitMs === undefined ? [] : [['waitMs', String(waitMs)]]);
    const { current, response } = await withSession(({ authorization, etag }) =>
      shown(authorization, (headers) =>
        ask('GET', `/offers/${device}`, {
          query,
          headers,
          ifNoneMatch: etag,
          waitMs: waitMs ?? 0,
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    );
    if (response.status === 'valid') {
      await discard(response.body);
      return current.offer;
    }
    const bytes = await content(response, offerBytesMax);
    const said = bytes.length === 0 ? undefined : parse(PollAnswer, bytes, 'answer to a poll');
    current.offer = said?.offer;
    current.newest = said?.newest;
    // Only now: an answer that broke on its way must be asked for again.
    current.etag = response.etag;
    return current.offer;
  }

  async function statement(wanted: Uint8Array): Promise<Uint8Array> {
    const signed = await content(await ask('GET', `/statements/${hex(wanted)}`), messageBytesMax);
    if (equalInConstantTime(digest('sha-256', signed), wanted)) return signed;
    throw new TransportError('refused', `expected the statement ${hex(wanted)}, found another`);
  }

  async function answer({ nonce: offer }: Offer, { until, ...answered }: Answered): Promise<void> {
    const nonce = random.bytes(nonceBytes);
    // Clocks may count in fractions, messages hold whole milliseconds.
    const told = { ...answered, ...(until === undefined ? {} : { until: Math.floor(until) }) };
    const { response } = await withSession((current) => {
      current.answers += 1;
      const { id, answers: counter } = current;
      const message = { version: protocolVersion, device, session: id, counter, nonce, offer, ...told };
      return ask('POST', '/answers', signedBody(write(Answer, message)));
    });
    openReceipt(await content(response, messageBytesMax), nonce);
  }

  function takeTrigger(offer: Offer): Trigger | undefined {
    if (session === undefined || offer.trigger === undefined) return undefined;
    const { id, triggered } = session;
    const trigger = openTrigger(offer.trigger, options.trackerKey, {
      device,
      offer: offer.nonce,
      session: id,
    });
    if (trigger === undefined || trigger.number === triggered) return undefined;
    if (trigger.number < triggered) {
      // Either somebody brings back an old one, or the clock by which the tracker counts has gone back, and
      // none would count for long. In a session of its own the old one is worth nothing, a new one counts.
      session = undefined;
      return undefined;
    }
    session.triggered = trigger.number;
    return trigger;
  }

  async function report(signed: Uint8Array): Promise<void> {
    // The report's own signature says whose it is: it needs no session, so that others may carry it.
    const headers = { 'content-type': mediaTypes.report };
    const response = await ask('POST', '/reports', { headers, body: bytesBody(signed) });
    await content(response, messageBytesMax);
  }

  const signedBody = (message: Uint8Array) => ({
    headers: { 'content-type': mediaTypes.cose },
    body: bytesBody(signAttached(key, message)),
  });

  function openReceipt(encoded: Uint8Array, nonce: Uint8Array): Receipt {
    const receipt = parse(Receipt, payloadOf(encoded, options.trackerKey), 'receipt');
    if (receipt.device !== device || !equalInConstantTime(receipt.nonce, nonce)) {
      throw new TransportError('refused', 'expected the answer to our own message, found another receipt');
    }
    return receipt;
  }

  async function ask(method: Method, path: string, given: Asked = {}): Promise<Response> {
    const { waitMs = 0, signal, ...rest } = given;
    const ms = waitMs + (options.answerMsMax ?? answerMsMaxDefault);
    return withDeadline(options.clock, ms, signal, (deadline) =>
      options.handler(request(method, path, { ...rest, signal: deadline })),
    );
  }

  return {
    get self() {
      const { vendor, class: product, updateMode = 'client-initiated' } = options;
      return { id: device, vendor, class: product, updateMode, statement: stated };
    },
    register,
    checkIn,
    poll,
    get newest() {
      return session?.newest;
    },
    statement,
    answer,
    takeTrigger,
    report,
  };
}

const admission = ({
  terms,
  characteristics,
  enrolmentToken,
  certificates,
  starts,
}: TrackerClientOptions) => ({
  ...(terms === undefined ? {} : { terms }),
  ...(characteristics === undefined ? {} : { characteristics: characteristics() }),
  ...(enrolmentToken === undefined ? {} : { enrolmentToken }),
  ...(certificates === undefined ? {} : { certificates }),
  ...(starts === undefined ? {} : { starts: starts() }),
});

type Asked = Partial<Pick<Request, 'query' | 'headers' | 'body' | 'ifNoneMatch' | 'signal'>> & {
  readonly waitMs?: number;
};
