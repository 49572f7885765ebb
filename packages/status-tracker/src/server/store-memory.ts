/**
 * A FleetStore in memory: for tests, simulations and a first look. What it forgets at its end is
 * everything.
 */
import { enrolmentMethods } from './enrolment/memory-enrolment.ts';
import { memoryChallenges } from './memory-challenges.ts';
import { memoryChannels } from './memory-channels.ts';
import { memoryLeases } from './leases.ts';
import { campaignMethods } from './memory-campaigns.ts';
import { deviceMethods, recordMethods } from './memory-devices.ts';
import { logMethods } from './memory-log.ts';
import { noNews } from './news.ts';
import { memoryOutbox, puttingOut } from './outbox/memory-outbox.ts';
import { planMethods } from './memory-plan.ts';
import { createAuditTrail } from './audit.ts';
import type { State } from './memory-state.ts';
import { byCodeUnits } from './memory-state.ts';
import type { Newest, NewestStore } from './newest-store.ts';
import { actOf, lineOf, overtakes } from './newest-store.ts';
import type { AccessGrant, FleetStore } from './store.ts';
import type { Fleets } from './tenants.ts';
import { fleetsOf } from './tenants.ts';
import { here } from './whereabouts.ts';

/** The fleets of all tenants in memory. */
export const createMemoryFleets = (): Fleets =>
  fleetsOf(
    () => createMemoryStore(),
    async () => undefined,
  );

export function createMemoryStore(): FleetStore {
  const grants = new Map<string, AccessGrant>();
  const state: State = {
    devices: new Map(),
    idByKid: new Map(),
    campaigns: new Map(),
    members: new Map(),
    offers: new Map(),
    evidence: new Map(),
    grants,
    audit: createAuditTrail((name) => grants.get(name)?.roles ?? []),
  };
  const devices = deviceMethods(state);
  const { put, ...outbox } = memoryOutbox();
  const store: FleetStore = {
    ...devices,
    ...enrolmentMethods(state, devices.freeze),
    ...recordMethods(state),
    ...campaignMethods(state),
    ...planMethods(state),
    ...accessMethods(state),
    ...logMethods(),
    ...statementMethods(state),
    ...memoryChallenges(),
    ...memoryChannels(state.audit),
    ...memoryLeases(),
    ...noNews,
    ...here,
    ...outbox,
    close: async () => undefined,
  };
  return puttingOut(store, put);
}

function accessMethods(state: State) {
  const { grants } = state;
  return {
    async addGrant(grant, by) {
      grants.set(grant.name, grant);
      state.audit.push({ ...by, act: 'token granted', subject: grant.name, detail: grant.roles.join(', ') });
    },
    async removeGrant(name, by) {
      if (!grants.delete(name)) return false;
      state.audit.push({ ...by, act: 'token revoked', subject: name });
      return true;
    },
    grants: async () => [...grants.values()],
    appendAudit: async (batch) => state.audit.push(...batch),
    audit: async (limit) => state.audit.entries.toReversed().slice(0, limit),
    auditChain: async (from, limit) => state.audit.chain.slice(from, from + limit),
  } satisfies Partial<FleetStore>;
}

function statementMethods({ audit }: State): NewestStore {
  const byLine = new Map<string, Newest>();
  return {
    async keepNewest(newest, by) {
      const known = byLine.get(lineOf(newest));
      if (known !== undefined && !overtakes(newest, known)) return false;
      byLine.set(lineOf(newest), newest);
      audit.push(actOf(newest, by));
      return true;
    },
    newest: async () => [...byLine].toSorted(([a], [b]) => byCodeUnits(a, b)).map(([, newest]) => newest),
  };
}
