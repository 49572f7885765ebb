/** The outbox in memory. */
import { barredChange, campaignChange, deviceChange } from '../watch.ts';
import type { StateChange } from '../watch.ts';
import { certificateRevoked } from '../enrolment/enrolment-store.ts';
import type { FleetStore } from '../store.ts';
import type { OutboxStore } from './outbox-store.ts';
import { changesPerDelivery, forgottenAfterMs } from './outbox-store.ts';

interface Waiting {
  readonly number: number;
  readonly change: StateChange;
  delivery?: number;
}

export function memoryOutbox(): OutboxStore & { put(changes: readonly StateChange[]): void } {
  const receivers = new Map<string, { keptMs: number; waiting: Waiting[] }>();
  const waitingFor = (receiver: string) => receivers.get(receiver)?.waiting ?? [];
  let count = 0;
  return {
    put(changes) {
      for (const { waiting } of receivers.values())
        for (const change of changes) waiting.push({ number: (count += 1), change });
    },
    async keepReceivers(names, nowMs) {
      for (const name of names) receivers.set(name, { waiting: waitingFor(name), keptMs: nowMs });
      for (const [name, { keptMs }] of receivers)
        if (keptMs < nowMs - forgottenAfterMs) receivers.delete(name);
    },
    isWaiting: async (receiver) => waitingFor(receiver).length > 0,
    async nextDelivery(receiver) {
      const waiting = waitingFor(receiver);
      const [first] = waiting;
      if (first === undefined) return undefined;
      const number = first.delivery ?? first.number;
      if (first.delivery === undefined)
        for (const each of waiting.slice(0, changesPerDelivery)) each.delivery = number;
      const changes = waiting.filter(({ delivery }) => delivery === number).map(({ change }) => change);
      return { number, changes };
    },
    async delivered(receiver, number) {
      const found = receivers.get(receiver);
      if (found !== undefined) found.waiting = found.waiting.filter(({ delivery }) => delivery !== number);
    },
    async trimOutbox(most) {
      const trimmed = [];
      for (const [receiver, found] of receivers) {
        const before = found.waiting.length;
        const newest = Math.max(0, before - most);
        found.waiting = found.waiting.filter(({ delivery }, at) => delivery !== undefined || at >= newest);
        if (found.waiting.length < before) trimmed.push({ receiver, dropped: before - found.waiting.length });
      }
      return trimmed;
    },
    waiting: async () => new Map([...receivers].map(([name, { waiting }]) => [name, waiting.length])),
  };
}

/** What those methods of a store in memory change waits for receivers. */
export function puttingOut(store: FleetStore, put: (changes: readonly StateChange[]) => void): FleetStore {
  return {
    ...store,
    async addCampaign(view) {
      const added = await store.addCampaign(view);
      if (added) put([campaignChange(view, view.acceptedMs)]);
      return added;
    },
    async applyOrder(accepted, by) {
      const view = await store.applyOrder(accepted, by);
      put([campaignChange(view, by.atMs)]);
      return view;
    },
    async approveCampaign(id, voice, by) {
      const before = await store.campaign(id);
      const view = await store.approveCampaign(id, voice, by);
      if (view !== before) put([campaignChange(view, by.atMs)]);
      return view;
    },
    async applySteps(id, generation, moves, atMs) {
      const before = await store.campaign(id);
      const applied = await store.applySteps(id, generation, moves, atMs);
      const after = await store.campaign(id);
      put((applied?.changes ?? []).map(deviceChange));
      if (after !== undefined && after.state !== before?.state) put([campaignChange(after, atMs)]);
      return applied;
    },
    async freeze(ids, why) {
      const frozen = await store.freeze(ids, why);
      put(frozen.map((device) => barredChange({ kind: 'frozen', device, ...why })));
      return frozen;
    },
    async retire(ids, why) {
      const retired = await store.retire(ids, why);
      put(retired.map((device) => barredChange({ kind: 'retired', device, ...why })));
      return retired;
    },
    async revokeCertificates(name, serials, by) {
      const frozen = await store.revokeCertificates(name, serials, by);
      const why = { ...by, because: certificateRevoked };
      put(frozen.map((device) => barredChange({ kind: 'frozen', device, ...why })));
      return frozen;
    },
    async recordCheckIns(batch) {
      const recorded = await store.recordCheckIns(batch);
      put(recorded.flatMap(({ changes }) => changes).map(deviceChange));
      return recorded;
    },
    async recordReports(batch) {
      const recorded = await store.recordReports(batch);
      put(recorded.flatMap(({ changes }) => changes).map(deviceChange));
      return recorded;
    },
  };
}
