/**
 * Who is let in: a device that an operator has made known, by its key; one that nobody knows by the word of a
 * manufacturer, by a token, or, after it has waited, by an operator's. Its key is proved already.
 */
import { compareBytes, hex } from '@lapel/cbor';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { Registration } from '../../protocol.ts';
import type { Speaker } from '../fleet.ts';
import { inTurns } from '../in-turns.ts';
import type { Notify } from '../notify.ts';
import type { FleetStore } from '../store.ts';
import type { EnrolEnd, Way } from './enrolment-store.ts';
import { createTokenCheck } from './enrolment-tokens.ts';
import type { Applicant } from './manufacturer-chain.ts';
import { checkChain } from './manufacturer-chain.ts';
import type { Refusals } from './refusals.ts';

export interface AdmitOptions {
  readonly store: FleetStore;
  readonly notify: Pick<Notify, 'forget'>;
  readonly clock: Clock;
  readonly refusals: Refusals;
}

export type Admit = (applicant: Applicant, brought: BroughtAndShown) => Promise<Speaker>;

/** By what it would be let in. */
type Brought = Pick<Registration, 'certificates' | 'enrolmentToken'>;

/** With the certificates of its own key that its channel has proved. */
export interface BroughtAndShown extends Brought {
  readonly shown: readonly Uint8Array[] | undefined;
}

/** Devices that wait for approval; whoever invents devices can't fill the store with them. */
export const pendingMax = 1_000;
/**
 * Where so many wait, one that was not heard of for so long makes room. A device that lives polls every few
 * minutes; one that was invented to fill the list would have to be kept alive.
 */
export const strangerSilenceMsMax = 3_600_000;
/** For so long after the list was full the store is not asked again. */
const fullMs = 1_000;

export function createAdmission({ store, notify, clock, refusals }: AdmitOptions): Admit {
  const checkToken = createTokenCheck(store, clock);
  const named = inTurns(store.speakers);
  let fullUntilMs = -Infinity;

  async function wayOf(applicant: Applicant, brought: Brought): Promise<Way> {
    const { certificates, enrolmentToken } = brought;
    if (certificates !== undefined) {
      return checkChain(certificates, applicant, await store.manufacturers(), clock.wallMs());
    }
    if (enrolmentToken !== undefined) return checkToken(enrolmentToken, applicant);
    if (clock.monotonicMs() < fullUntilMs) throw full();
    const silentBeforeMs = clock.wallMs() - strangerSilenceMsMax;
    return { by: 'approval', waitingMax: pendingMax, silentBeforeMs };
  }

  /** What a channel proves is for its server first: it counts where a manufacturer of the vendor is known. */
  async function withShown({ vendor }: Applicant, { shown, ...brought }: BroughtAndShown): Promise<Brought> {
    if (shown === undefined || brought.certificates !== undefined) return brought;
    if (brought.enrolmentToken !== undefined) return brought;
    const known = await store.manufacturers();
    const isKnown = known.some((each) => compareBytes(each.vendor, vendor) === 0);
    return isKnown ? { ...brought, certificates: shown } : brought;
  }

  async function enrol(applicant: Applicant, brought: Brought): Promise<void> {
    const { device: id, key, vendor, class: product } = applicant;
    const way = await wayOf(applicant, brought);
    const device = { id, publicKey: key.encoded, kid: key.kid, vendor, class: product };
    const { end, forgotten } = await store.enrol(device, way, { actor: id, atMs: clock.wallMs() });
    for (const each of forgotten) notify.forget(each);
    if (end === 'full') fullUntilMs = clock.monotonicMs() + fullMs;
    await requireIn(applicant, end);
    if (way.by !== 'approval') await store.joinOpen(id, clock.wallMs());
  }

  async function requireIn({ device, key }: Applicant, end: EnrolEnd): Promise<void> {
    const found = `key ${hex(key.kid)}`;
    if (end === 'key-in-use') {
      await refusals.refuse(device, 'a key of its own', `${found}, which another id has`);
    }
    if (end === 'other-key') await refusals.refuse(device, ownKey, found);
    if (end === 'full') throw full();
    if (end === 'token-over') {
      throw new Problem('forbidden', 'enrolment token: expected one with a use left, found none left');
    }
    if (end === 'manufacturer-gone') {
      throw new Problem('forbidden', 'certificate: expected one that is not revoked, found one that is');
    }
  }

  return async (applicant, given) => {
    const known = await named(applicant.device);
    if (known !== undefined) await requireSame(known, applicant, refusals);
    if (known?.approval === 'retired') await refusals.refuseRetired(known.id);
    if (known !== undefined && known.approval !== 'pending') return known;
    const brought = await withShown(applicant, given);
    const isBrought = brought.certificates !== undefined || brought.enrolmentToken !== undefined;
    // Who is in needs nobody's word any more, and costs no use of a token.
    if (known !== undefined && !isBrought) return known;
    try {
      await enrol(applicant, brought);
    } catch (error) {
      if (error instanceof Problem && error.code === 'forbidden') {
        await refusals.tell(applicant.device, error.message);
      }
      throw error;
    }
    const device = await named(applicant.device);
    if (device === undefined) throw new Problem('not-found', `expected ${applicant.device}, found none`);
    return device;
  };
}

const ownKey = 'the key that this id is registered with';

const full = () =>
  new Problem('too-many-requests', `expected fewer than ${pendingMax} devices that wait for approval`);

/** A known id with another key is a clone or a mistake: it is refused, and operators are told. */
async function requireSame(known: Speaker, applicant: Applicant, refusals: Refusals): Promise<void> {
  const { key, vendor, class: product } = applicant;
  if (compareBytes(known.publicKey, key.encoded) !== 0) {
    await refusals.refuse(known.id, ownKey, `key ${hex(key.kid)}`);
  }
  if (compareBytes(known.vendor, vendor) !== 0) {
    await refusals.refuse(known.id, `vendor ${hex(known.vendor)}`, hex(vendor));
  }
  if (compareBytes(known.class, product) !== 0) {
    await refusals.refuse(known.id, `class ${hex(known.class)}`, hex(product));
  }
}
