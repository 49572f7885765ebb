/**
 * The half of the status tracker that lives in the device (RFC 9019 §2.3: the status tracker has a client
 * and a server component). It proves who the device is, says what it runs, asks what it should run, and
 * hands over reports. Whoever answers must prove itself too: only a receipt that the tracker signed, over
 * our own nonce, tells that we have reached it, and so may confirm a trial.
 */
import type { Schema } from '@lapel/cbor';
import { CborError, hex, read, write } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import {
  CoseError,
  digest,
  encodeVerificationKey,
  equalInConstantTime,
  openSigned,
  signAttached,
} from '@lapel/cose';
import type { Clock, Handler, Method, Random, Request, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect, discard, readProblem, request } from '@lapel/transport';
import type { CheckInState, UpdateMode } from '../protocol.ts';
import {
  CheckIn,
  Offer,
  Receipt,
  Registration,
  mediaTypes,
  messageBytesMax,
  offerBytesMax,
  protocolVersion,
} from '../protocol.ts';

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
  readonly clock: Clock;
  readonly random: Random;
  /** How long an exchange may last before it counts as unanswered. */
  readonly answerMsMax?: number;
}

export type { CheckInState } from '../protocol.ts';

export interface PollOptions {
  /**
   * How long the tracker may keep the answer back until there is something new (server-initiated updates).
   */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

export interface TrackerClient {
  /** Starts a session: the token of the receipt replaces the one before. @throws {TransportError} */
  register(): Promise<Receipt>;
  /** The receipt is authentic and answers this very check-in. @throws {TransportError} */
  checkIn(state: CheckInState): Promise<Receipt>;
  /** What the tracker wants installed now, or undefined. @throws {TransportError} */
  poll(options?: PollOptions): Promise<Offer | undefined>;
  /** @param signed a SUIT_Report under the device's key. @throws {TransportError} */
  report(signed: Uint8Array): Promise<void>;
}

const answerMsMaxDefault = 30_000;
const challengeBytesMax = 64;
const nonceBytes = 16;
const sessionBytes = 8;

/** A session lasts from one registration to the next. */
interface Session {
  readonly authorization: string;
  readonly id: Uint8Array;
  counter: number;
  etag: string | undefined;
  offer: Offer | undefined;
}

export function createTrackerClient(options: TrackerClientOptions): TrackerClient {
  const { device, key, random } = options;
  let session: Session | undefined;

  async function register(): Promise<Receipt> {
    const challenge = await content(await ask('GET', `/challenges/${device}`), challengeBytesMax);
    const nonce = random.bytes(nonceBytes);
    const registration = write(Registration, {
      version: protocolVersion,
      device,
      challenge,
      key: encodeVerificationKey(key.public),
      vendor: options.vendor,
      class: options.class,
      updateMode: options.updateMode ?? 'client-initiated',
      nonce,
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
      ask('GET', `/offers/${device}`, {
        query,
        headers: { authorization },
        ifNoneMatch: etag,
        waitMs: waitMs ?? 0,
        ...(signal === undefined ? {} : { signal }),
      }),
    );
    if (response.status === 'valid') {
      await discard(response.body);
      return current.offer;
    }
    const bytes = await content(response, offerBytesMax);
    current.offer = bytes.length === 0 ? undefined : parse(Offer, bytes, 'offer');
    // Only now: an answer that broke on its way must be asked for again.
    current.etag = response.etag;
    return current.offer;
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

  return { register, checkIn, poll, report };
}

type Asked = Partial<Pick<Request, 'query' | 'headers' | 'body' | 'ifNoneMatch' | 'signal'>> & {
  readonly waitMs?: number;
};

const sessionOf = (token: Uint8Array): Session => ({
  authorization: `Bearer ${hex(token)}`,
  id: digest('sha-256', token).slice(0, sessionBytes),
  counter: 0,
  etag: undefined,
  offer: undefined,
});

/**
 * The body of an answer that is none of refusal. @throws {TransportError} by what may help: later, or
 * never.
 */
async function content(response: Response, limitBytes: number): Promise<Uint8Array> {
  const { status } = response;
  if (status === 'ok' || status === 'created' || status === 'changed') {
    return collect(response.body, limitBytes);
  }
  const problem = await readProblem(response);
  const kind = later.has(status) ? 'no-answer' : 'refused';
  throw new TransportError(kind, problem.detail, { cause: problem });
}

/** The tracker is there and can't answer now: asking again later helps. */
const later: ReadonlySet<Response['status']> = new Set([
  'too-many-requests',
  'internal-error',
  'unavailable',
  'storage-full',
]);

function payloadOf(encoded: Uint8Array, trackerKey: VerificationKey): Uint8Array {
  try {
    return openSigned(encoded, [trackerKey]).payload;
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new TransportError('refused', `receipt: ${error.message}`, { cause: error });
  }
}

function parse<T>(schema: Schema<T>, encoded: Uint8Array, what: string): T {
  try {
    return read(schema, encoded);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new TransportError('malformed', `${what}: ${error.message}`, { cause: error });
  }
}

/** @throws {TransportError} `no-answer` where the exchange lasts longer than `ms`. */
async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal | undefined,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const signal = outer === undefined ? late.signal : AbortSignal.any([late.signal, outer]);
  const expired = clock.sleep(ms, done.signal).then(
    () => {
      const error = new TransportError('no-answer', `expected an answer within ${ms} ms, found none`);
      late.abort(error);
      throw error;
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([exchange(signal), expired]);
  } finally {
    done.abort();
  }
}
