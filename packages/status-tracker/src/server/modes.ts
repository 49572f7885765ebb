/**
 * Offers that wait for a word: the answers of devices that negotiate are taken in here, and what has its
 * time gets the tracker's trigger (draft-zhu-suit-automatic-fu-arch §3.2, §3.3). What was answered is in the
 * store; so after a restart everything is decided as before it.
 */
import { write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { openSigned, signAttached } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { ServerStrategy, Verdict } from '../policy/trigger.ts';
import { whenToTrigger } from '../policy/trigger.ts';
import { Answer, Trigger, protocolVersion } from '../protocol.ts';
import { deviceKey } from './device-key.ts';
import type { AnswerView, DeviceView } from './fleet.ts';
import { draw } from '../policy/draw.ts';
import type { FullOffer, Notify, Undecided } from './notify.ts';
import { peekMessage, sealReceipt, translated } from './sealed.ts';
import type { Answered, FleetStore } from './store.ts';

export interface ModesOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly clock: Clock;
  readonly trackerKey: SigningKey;
  readonly strategy?: ServerStrategy;
}

export interface Modes {
  /** @returns the receipt. @throws {Problem} */
  answer(signed: Uint8Array): Promise<Uint8Array>;
  /** Looks at what waits: each in its turn, so many at most. */
  round(): Promise<void>;
}

/** In one round; the others are looked at in the next. */
const roundMax = 1_000;
/** How busy a device was longer ago says nothing of now. */
const loadMsMax = 15 * 60_000;

export function createModes({ store, notify, clock, trackerKey, strategy = {} }: ModesOptions): Modes {
  async function answer(signed: Uint8Array): Promise<Uint8Array> {
    const told = peekMessage(Answer, signed, 'answer');
    const device = await store.device(told.device);
    if (device === undefined)
      throw new Problem('unauthorized', `expected a registered device, found ${told.device}`);
    translated('answer', () => openSigned(signed, [deviceKey(device.publicKey)]));
    requireTime(told, notify.offerOf(told.device, told.offer));
    const [end = 'no-such-offer'] = await store.recordAnswers([
      { answer: told, atMs: clock.wallMs(), signed },
    ]);
    requireTaken(end);
    notify.seen(told.device);
    if (end === 'recorded') notify.reconsider(told.device);
    const waits = notify.undecidedOf(told.device);
    if (waits !== undefined) await decide(waits);
    return sealReceipt(trackerKey, clock, { device: told.device, nonce: told.nonce });
  }

  async function decide(waits: Undecided): Promise<void> {
    const device = await store.device(waits.device);
    if (device === undefined) return;
    const verdict = verdictOn(device, waits.offer, strategy, clock.wallMs());
    const { answer: last } = device;
    if (verdict.do === 'trigger') {
      notify.setTrigger(waits, sealTrigger(trackerKey, waits, verdict.overrides, clock.wallMs()));
    } else if (last !== undefined && isTo(last, waits.offer) && last.answer.decision === 'declined') {
      notify.hold(waits, verdict.untilMs ?? 0);
    }
  }

  return {
    answer,
    async round() {
      for (const waits of notify.undecided(roundMax)) await decide(waits);
    },
  };
}

/** What the server has to say to a device that has an offer, and why. */
export function verdictOn(
  device: DeviceView,
  offer: Pick<FullOffer, 'nonce' | 'urgency' | 'latestMs'>,
  strategy: ServerStrategy,
  nowMs: number,
): Verdict {
  const { id, updateMode: mode, statement, inventory, answer: last } = device;
  const { decision, until } = last?.answer ?? {};
  const isFresh = inventory !== undefined && nowMs - inventory.atMs <= loadMsMax;
  const answered = last !== undefined && isTo(last, offer) && decision !== undefined;
  const waiting = {
    ...offer,
    mode,
    share: draw('window', id) / 2 ** 32,
    ...(statement?.terms === undefined ? {} : { terms: statement.terms }),
    ...(isFresh && inventory.serviceLoad !== undefined ? { serviceLoad: inventory.serviceLoad } : {}),
    ...(answered ? { answer: { decision, ...(until === undefined ? {} : { untilMs: until }) } } : {}),
  };
  return whenToTrigger(waiting, strategy, nowMs);
}

const isTo = ({ answer }: AnswerView, { nonce }: Pick<FullOffer, 'nonce'>): boolean =>
  Buffer.compare(answer.offer, nonce) === 0;

/** A device may put off what it was offered, but not for ever. */
function requireTime({ decision, until }: Answer, offer: FullOffer | undefined): void {
  if (decision === 'now') return;
  if (until === undefined) throw new Problem('bad-request', `expected a time with ${decision}, found none`);
  // Whether it is an offer at all, the store knows.
  const most = decision === 'at' ? offer?.latestMs : offer?.expiresMs;
  if (most !== undefined && until > most) {
    const [at, found] = [new Date(most).toISOString(), shownTime(until)];
    throw new Problem('unprocessable', `expected a time until ${at}, found ${found}`);
  }
}

/** Behind the last day of all calendars there is none. */
const shownTime = (ms: number): string => (ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);

function requireTaken(end: Answered): void {
  if (end === 'recorded' || end === 'known') return;
  if (end === 'other-session')
    throw new Problem('unauthorized', 'expected the session of the last registration, found another');
  throw new Problem(
    'conflict',
    `expected an answer to an offer, newer than the last, found another (${end})`,
  );
}

function sealTrigger(key: SigningKey, waits: Undecided, overrides: boolean, number: number): Uint8Array {
  const { device, session, offer } = waits;
  return signAttached(
    key,
    write(Trigger, {
      version: protocolVersion,
      device,
      offer: offer.nonce,
      session,
      number,
      ...(overrides ? { overrides } : {}),
    }),
  );
}
