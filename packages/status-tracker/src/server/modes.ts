/**
 * Offers that wait for a word: the answers of devices that negotiate are taken in here, and what has its
 * time gets the tracker's trigger (draft-zhu-suit-automatic-fu-arch §3.2, §3.3). What was answered is in the
 * store; so after a restart everything is decided as before it.
 */
import { write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { signAttached } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { ServerStrategy, Verdict } from '../policy/trigger.ts';
import { whenToTrigger } from '../policy/trigger.ts';
import { Answer, Trigger, protocolVersion } from '../protocol.ts';
import type { AnswerView, Change, DeviceView } from './fleet.ts';
import { draw } from '../policy/draw.ts';
import { shownTime } from '../policy/shown-time.ts';
import type { FullOffer, Notify, Undecided } from './notify.ts';
import type { Proofs } from './proofs.ts';
import { peekMessage, proven, sealReceipt } from './sealed.ts';
import type { Answered, FleetStore, Move } from './store.ts';

export interface ModesOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly proofs: Proofs;
  readonly clock: Clock;
  readonly trackerKey: SigningKey;
  readonly strategy?: ServerStrategy;
  readonly onChanges: (changes: readonly Change[]) => void;
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

/** Planners that were faster so often in a row are no coincidence. */
const attemptsMax = 8;

export function createModes(options: ModesOptions): Modes {
  const { store, notify, proofs, clock, trackerKey, onChanges, strategy = {} } = options;

  async function answer(signed: Uint8Array): Promise<Uint8Array> {
    const told = peekMessage(Answer, signed, 'answer');
    const device = await store.device(told.device);
    if (device === undefined)
      throw new Problem('unauthorized', `expected a registered device, found ${told.device}`);
    await proven('answer', proofs.prove(signed, device.publicKey));
    const offer = notify.offerOf(told.device, told.offer);
    requireWhole(told, offer);
    const [end = 'no-such-offer'] = await store.recordAnswers([
      { answer: told, atMs: clock.wallMs(), signed },
    ]);
    requireTaken(end);
    notify.seen(told.device);
    if (end === 'recorded') notify.reconsider(told.device);
    const { because } = told;
    const waits = notify.undecidedOf(told.device);
    if (offer !== undefined && because !== undefined && told.decision === 'refused') {
      await giveBack(offer, { do: 'refuse', device: told.device, nonce: told.offer, because });
    } else if (waits !== undefined) await decide(waits);
    else if (offer !== undefined && told.decision === 'declined') await decline(offer, told);
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
      await decline(waits.offer, last.answer);
    }
  }

  const decline = async (offer: FullOffer, { device, offer: nonce, until = 0 }: Answer): Promise<void> =>
    giveBack(offer, { do: 'decline', device, nonce, untilMs: until });

  /** What a device will not have takes no place of another's. */
  async function giveBack({ campaign }: FullOffer, move: Move): Promise<void> {
    for (let left = attemptsMax; left > 0; left--) {
      const view = await store.campaign(campaign);
      if (view === undefined) return;
      const applied = await store.applySteps(campaign, view.generation, [move], clock.wallMs());
      if (applied !== undefined) return onChanges(applied.changes);
    }
    const found = `found it move ${attemptsMax} times`;
    throw new Problem('unavailable', `expected the campaign to stand still for a moment, ${found}`);
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

/** A device may put off what it was offered, but not for ever, and refuse it, but not without a reason. */
function requireWhole({ decision, until, because }: Answer, offer: FullOffer | undefined): void {
  if (decision === 'refused') {
    if (because === undefined) throw new Problem('bad-request', 'expected a reason with refused, found none');
    return;
  }
  if (decision === 'now') return;
  if (until === undefined) throw new Problem('bad-request', `expected a time with ${decision}, found none`);
  // Whether it is an offer at all, the store knows.
  const most = decision === 'at' ? offer?.latestMs : offer?.expiresMs;
  if (most !== undefined && until > most) {
    const [at, found] = [new Date(most).toISOString(), shownTime(until)];
    throw new Problem('unprocessable', `expected a time until ${at}, found ${found}`);
  }
}

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
