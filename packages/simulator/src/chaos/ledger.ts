/**
 * What has truly happened, as the devices and the operator know it, and every contradiction to it that they
 * saw: a report lost or counted twice, a campaign that went backwards, an offer that nobody may have.
 */

import { createHash } from 'node:crypto';
import { hex } from '@lapel/cbor';
import type { Evidence } from '@lapel/status-tracker';
import type { Offer } from '@lapel/status-tracker/protocol';
import type { Told } from '../crowd/crowd-device.ts';
import type { CampaignGlance } from './tracker-control.ts';

/** A campaign as the operator signed it. */
export interface Wanted {
  readonly id: string;
  readonly className: string;
  readonly digest: Uint8Array;
  readonly sequenceNumber: number;
}

export interface Ledger {
  readonly findings: readonly string[];
  readonly counts: { offers: number; reports: number; campaigns: number };
  campaign(wanted: Wanted): void;
  /** The operator was told that it is over for good. */
  aborted(campaign: string): void;
  /** The operator was told that the device is of the fleet no more. */
  retired(device: string): void;
  /** It is asked for again: from now on nobody knows. */
  takenBack(device: string): void;
  /** @param askedMs when the device asked for it, on the parent's own clock. */
  offered(device: string, className: string, running: Told, offer: Offer, askedMs: number): void;
  /** The tracker said that it has this report. */
  taken(device: string, signed: Uint8Array): void;
  glance(campaign: string, seen: CampaignGlance): void;
  /** Holds what the store has against what was taken. */
  judge(device: string, evidence: readonly Evidence[]): void;
  finding(what: string): void;
}

/** More would say the same again. */
const findingsMax = 20;

/** @param knownByMs from when on whoever is asked must know what was told then: trackers may be several. */
export function createLedger(
  nowMs: () => number,
  knownByMs: (toldMs: number) => number = (toldMs) => toldMs,
): Ledger {
  const findings: string[] = [];
  const counts = { offers: 0, reports: 0, campaigns: 0 };
  const campaigns = new Map<string, Wanted & { abortedMs?: number }>();
  const generations = new Map<string, { readonly generation: number; readonly atMs: number }>();
  const retired = new Map<string, number>();
  const glances = new Map<string, CampaignGlance>();
  const reports = new Map<string, Set<string>>();

  function finding(what: string): void {
    if (findings.length < findingsMax && !findings.includes(what)) findings.push(what);
  }

  return {
    findings,
    counts,
    finding,
    campaign(wanted) {
      campaigns.set(wanted.id, wanted);
      counts.campaigns++;
    },
    aborted(id) {
      const known = campaigns.get(id);
      if (known !== undefined) campaigns.set(id, { ...known, abortedMs: nowMs() });
    },
    retired: (device) => void retired.set(device, nowMs()),
    takenBack: (device) => void retired.delete(device),
    offered(device, className, running, { campaign, digest, generation }, askedMs) {
      counts.offers++;
      const id = hex(campaign);
      const wanted = campaigns.get(id);
      if (wanted === undefined) return finding(`${device} was offered campaign ${id}, which nobody signed`);
      const { abortedMs = Infinity } = wanted;
      if (wanted.className !== className) finding(`${device} was offered what is for ${wanted.className}`);
      if (hex(wanted.digest) !== hex(digest))
        finding(`${device} was offered another manifest than was signed`);
      if (running.sequenceNumber > wanted.sequenceNumber && askedMs >= knownByMs(running.toldMs)) {
        const since = `told ${Math.round(askedMs - running.toldMs)} ms before it asked`;
        const offer = `${wanted.sequenceNumber} by campaign ${id}, generation ${generation}`;
        finding(`${device} runs ${running.sequenceNumber}, ${since}, and was offered ${offer}`);
      }
      if (askedMs > knownByMs(abortedMs))
        finding(`${device} was offered campaign ${id} after it was aborted`);
      if (askedMs > knownByMs(retired.get(device) ?? Infinity))
        finding(`${device} was offered campaign ${id} after it was retired`);
      const key = `${id}/${device}`;
      const before = generations.get(key) ?? { generation: 0, atMs: 0 };
      if (generation < before.generation && askedMs >= knownByMs(before.atMs)) {
        finding(`${device} was offered generation ${generation} after ${before.generation}`);
      }
      if (generation > before.generation) generations.set(key, { generation, atMs: nowMs() });
    },
    taken(device, signed) {
      counts.reports++;
      const known = reports.get(device) ?? new Set();
      reports.set(device, known.add(sha256(signed)));
    },
    glance(campaign, seen) {
      const before = glances.get(campaign);
      glances.set(campaign, seen);
      if (before === undefined) return;
      const told = `campaign ${campaign} went from ${textOf(before)} to ${textOf(seen)}`;
      if (seen.generation < before.generation || seen.orderNumber < before.orderNumber) finding(told);
      if (before.state === 'aborted' && seen.state !== 'aborted') finding(told);
    },
    judge(device, evidence) {
      const kept = evidence.filter(({ kind }) => kind === 'report').map(({ signed }) => sha256(signed));
      if (new Set(kept).size < kept.length) finding(`a report of ${device} is counted twice`);
      for (const taken of reports.get(device) ?? []) {
        if (!kept.includes(taken)) finding(`a report of ${device} that the tracker took is lost`);
      }
    },
  };
}

const textOf = ({ state, generation, orderNumber }: CampaignGlance) =>
  `${state}, generation ${generation}, order ${orderNumber}`;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
