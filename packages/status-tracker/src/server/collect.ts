/**
 * What devices say, taken in: every check-in and report is signed by the key that its device is registered
 * with, belongs to its session or its offer, and counts once. What is refused changes nothing; a report that
 * contradicts its manifest is kept all the same, as evidence.
 */
import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { peekSigned } from '@lapel/cose';
import { Report, knownDigest, reportReason } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { CheckIn } from '../protocol.ts';
import type { Change, Speaker } from './fleet.ts';
import { inTurns } from './in-turns.ts';
import type { Manifests } from './manifests.ts';
import { suspicionOf } from './measure.ts';
import type { Notify } from './notify.ts';
import type { Proofs } from './proofs.ts';
import { replay } from './replay.ts';
import { isOf } from './runs-by-report.ts';
import { peekMessage, proven, sealReceipt, translated } from './sealed.ts';
import type { FleetStore, Recorded } from './store.ts';
import { keptMax, twinOf } from './twin.ts';

export interface CollectorOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly manifests: Manifests;
  readonly proofs: Proofs;
  readonly clock: Clock;
  readonly trackerKey: SigningKey;
  readonly onChanges: (changes: readonly Change[]) => void;
  /** Told of a device of which there are two, and why. */
  readonly onTwin: (device: string, because: string) => Promise<void>;
}

export interface Collector {
  /** @returns the receipt: an authentic answer, which may confirm a trial. @throws {Problem} */
  checkIn(signed: Uint8Array): Promise<Uint8Array>;
  /** @throws {Problem} */
  report(signed: Uint8Array): Promise<void>;
}

export function createCollector({
  store,
  notify,
  manifests,
  proofs,
  clock,
  trackerKey,
  onChanges,
  onTwin,
}: CollectorOptions): Collector {
  const speakerOf = inTurns(store.speakers);
  const recordCheckIn = inTurns(store.recordCheckIns);
  const recordReport = inTurns(store.recordReports);

  async function checkIn(signed: Uint8Array): Promise<Uint8Array> {
    const claimed = peekMessage(CheckIn, signed, 'check-in');
    const device = await speakerOf(claimed.device);
    if (device === undefined)
      throw new Problem('unauthorized', `expected a registered device, found ${claimed.device}`);
    await proven('check-in', proofs.prove(signed, device.publicKey));
    if (!isOf(device.session, claimed.session)) throw otherSession();
    const atMs = clock.wallMs();
    const { version: _, nonce, counter, session, device: id, ...told } = claimed;
    const suspicion = await suspicionOf(told.components, manifests);
    const inventory = { ...told, atMs, ...(suspicion === undefined ? {} : { suspicion }) };
    const recorded = await recordCheckIn({ device: id, session, counter, inventory, signed });
    if (recorded.end === 'other-session') throw otherSession();
    if (recorded.end === 'replayed') {
      const twin = twinOf(signed, await store.evidence(id, keptMax));
      if (twin !== undefined) await onTwin(id, twin);
    }
    settle(recorded, `expected a counter above ${device.session?.counter ?? 0}, found ${counter}`);
    notify.seen(id);
    return sealReceipt(trackerKey, clock, { device: id, nonce });
  }

  async function report(signed: Uint8Array): Promise<void> {
    const device = await signerOf(signed);
    await proven('report', proofs.prove(signed, device.publicKey));
    const told = peekMessage(Report, signed, 'report');
    if (told.nonce === undefined)
      throw new Problem('unprocessable', 'expected the nonce of an offer, found none');
    const digest = translated('report', () => knownDigest('parse', told.reference[1])).bytes;
    const atMs = clock.wallMs();
    const reason = reportReason(told);
    const replayed = await replay(told, digest, manifests);
    const recorded = await recordReport({
      device: device.id,
      nonce: told.nonce,
      digest,
      reason,
      replay: replayed,
      signed,
      atMs,
    });
    settle(recorded, `expected a report on an offer to ${device.id}, found another`);
    notify.seen(device.id);
    // It is kept as evidence, and nothing in it is believed.
    if (replayed.end === 'contradicted') throw new Problem('unprocessable', replayed.because);
  }

  /** A report names no device: its key does. */
  async function signerOf(signed: Uint8Array): Promise<Speaker> {
    const kid = translated('report', () => peekSigned(signed).kid);
    const device = kid === undefined ? undefined : await speakerOf(kid);
    if (device === undefined) {
      const found = kid === undefined ? 'none' : hex(kid);
      throw new Problem('forbidden', `expected the key of a registered device, found ${found}`);
    }
    return device;
  }

  function settle({ end, changes }: Recorded, detail: string): void {
    // What was taken in before is answered as it was then: the answer may have been lost on its way.
    if (end !== 'recorded' && end !== 'known') throw new Problem('conflict', `${detail} (${end})`);
    onChanges(changes);
  }

  return { checkIn, report };
}

const otherSession = () =>
  new Problem('unauthorized', 'expected the session of the last registration, found another');
