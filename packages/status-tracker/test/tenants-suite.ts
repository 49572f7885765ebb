/**
 * That no operation crosses a tenant: whatever two tenants do in turns, with the same ids and the same keys,
 * each answer and all that is stored is what it would be if the other weren't there. The reference is a
 * store in memory for each, so that stores are held against each other, too.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { leafHash } from '../src/transparency/merkle-tree.ts';
import fc from 'fast-check';
import type { CampaignView, FleetStore, Fleets } from '../src/index.ts';
import { createMemoryStore } from '../src/index.ts';
import { inventory, newCampaign, newDevice, newestOf, nonceOf, session } from './fleet-fixtures.ts';
import { manufacturerOf, tokenOf } from './fleet-enrolment-suite.ts';
import { bytes16, digestFor, startMs } from './world.ts';

const ids = ['lamp-1', 'lamp-2', 'lamp-3'];
const campaignIds = ['c1', 'c2'];

interface Turn {
  readonly tenant: 0 | 1;
  readonly act: (typeof acts)[number];
  readonly device: number;
  readonly campaign: number;
  /** Tells one message, nonce or order from another; the two tenants choose from the same. */
  readonly number: number;
}

const acts = [
  ...([
    'add',
    'add-pending',
    'approve',
    'session',
    'check-in',
    'report',
    'seen',
    'campaign',
    'join',
  ] as const),
  ...([
    'freeze',
    'retire',
    'offer',
    'give-up',
    'pause',
    'resume',
    'grant',
    'revoke',
    'audit',
    'log',
    'lease',
  ] as const),
  ...(['manufacturer', 'token', 'enrol', 'wait', 'turn-away', 'revoke-certificate', 'close-way'] as const),
  ...(['decline', 'refuse', 'newest', 'tag'] as const),
];

const turns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({
    tenant: fc.constantFrom(0 as const, 1 as const),
    act: fc.constantFrom(...acts),
    device: fc.nat(ids.length - 1),
    campaign: fc.nat(campaignIds.length - 1),
    number: fc.nat(5),
  }),
  { minLength: 10, maxLength: 60 },
);

/** Both have the same fleet before chance takes over, so that whatever crosses finds something to move. */
const beginnings: readonly Turn[] = ([0, 1] as const).flatMap((tenant) => {
  const turn = (act: Turn['act'], device = 0, campaign = 0, number = 0) =>
    ({ tenant, act, device, campaign, number }) as const;
  return [
    ...ids.flatMap((_, device) => [
      turn('add', device),
      turn('session', device),
      turn('check-in', device, 0, 1),
    ]),
    ...campaignIds.flatMap((_, campaign) => [turn('campaign', 0, campaign), turn('join', 0, campaign)]),
  ];
});

export function testTenants(
  name: string,
  open: () => Promise<Fleets> | Fleets,
  { runs, skip = false }: { readonly runs: number; readonly skip?: string | false },
): void {
  let names = 0;
  test(`S4-23: ${name}: no operation crosses a tenant`, { skip }, async () => {
    const views = await Promise.all(campaignIds.map(async (id, index) => newCampaign(id, 2 + index)));
    const fleets = await open();
    try {
      const property = fc.asyncProperty(turns, async (given) => {
        const stores = [fleets.of(`t-${names++}`), fleets.of(`t-${names++}`)] as const;
        const alone = [createMemoryStore(), createMemoryStore()] as const;
        for (const turn of [...beginnings, ...given]) {
          const [found, expected] = [
            await outcome(stores[turn.tenant], turn, views),
            await outcome(alone[turn.tenant], turn, views),
          ];
          assert.deepEqual(found, expected, JSON.stringify(turn));
        }
        for (const tenant of [0, 1] as const)
          assert.deepEqual(await everythingIn(stores[tenant]), await everythingIn(alone[tenant]));
      });
      // Whoever changes the seed finds other failures; whoever doesn't can repeat this one.
      await fc.assert(property, { numRuns: runs, seed: 6 });
    } finally {
      await fleets.close();
    }
  });
}

async function outcome(store: FleetStore, turn: Turn, views: readonly CampaignView[]): Promise<unknown> {
  try {
    return (await done(store, turn, views)) ?? 'done';
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return error.code;
  }
}

async function done(store: FleetStore, turn: Turn, views: readonly CampaignView[]): Promise<unknown> {
  const { act, number } = turn;
  const atMs = startMs + number;
  const by = { actor: 'test', atMs };
  const device = ids[turn.device] ?? '';
  const view = views[turn.campaign];
  assert.ok(view !== undefined);
  const signed = new TextEncoder().encode(`${act} ${device} ${turn.campaign} ${number}`);
  const nonce = nonceOf(`${turn.device}${turn.campaign}`);
  if (act === 'add') return store.addDevices([newDevice(device)], by);
  if (act === 'add-pending') return store.addDevices([newDevice(device, { approval: 'pending' })], by);
  if (act === 'approve') return store.approve([device], by);
  if (act === 'freeze' || act === 'retire') return store[act]([device], { ...by, because: 'test' });
  if (act === 'session') {
    const tokenHash = new Uint8Array(32).fill(number);
    return store.startSessions([{ device, tokenHash, updateMode: 'negotiated', atMs }]);
  }
  if (act === 'check-in')
    return store.recordCheckIns([
      { device, session, counter: number, inventory: inventory(1 + (number % 3)), signed },
    ]);
  if (act === 'report') {
    const digest = digestFor(2 + turn.campaign);
    const replay = { end: 'plausible' } as const;
    const reason = number % 2 === 0 ? 'ok' : 'condition-failed';
    return store.recordReports([{ device, nonce, digest, reason, replay, signed, atMs }]);
  }
  if (act === 'tag') return store.tag([device], { set: { ring: `${number}` }, remove: [] }, by);
  if (act === 'seen') return store.recordSeen([{ device, atMs }]);
  if (act === 'campaign') return store.addCampaign(view);
  if (act === 'join') return store.join(view.id, { limit: 100 }, atMs);
  if (act === 'offer' || act === 'give-up') {
    const generation = (await store.campaign(view.id))?.generation ?? 0;
    const fresh = nonceOf(`${turn.device}${turn.campaign}`);
    const isTaken = (await store.member(view.id, device))?.offer !== undefined;
    if (act === 'offer' && isTaken) return 'taken';
    const move =
      act === 'offer'
        ? ({ do: 'offer', device, nonce: fresh, expiresMs: startMs + 1e6 } as const)
        : ({ do: 'give-up', device, because: 'silent' } as const);
    return store.applySteps(view.id, generation, [move], atMs);
  }
  if (act === 'decline' || act === 'refuse') {
    const generation = (await store.campaign(view.id))?.generation ?? 0;
    const move =
      act === 'decline'
        ? ({ do: act, device, nonce, untilMs: atMs } as const)
        : ({ do: act, device, nonce, because: `${number}` } as const);
    return store.applySteps(view.id, generation, [move], atMs);
  }
  if (act === 'newest') return store.keepNewest(newestOf(number, startMs + turn.device), by);
  if (act === 'pause' || act === 'resume') {
    const campaign = bytes16(campaignIds[turn.campaign] ?? '');
    const order = { version: 1, campaign, number: number + 1, order: act, created: atMs } as const;
    return store.applyOrder({ order, signer: 'test' }, by);
  }
  if (act === 'grant') {
    const name = `token ${turn.device} ${number}`;
    if ((await store.grants()).some((grant) => grant.name === name)) return 'taken';
    return store.addGrant({ hash: signed, name, roles: ['viewer'], createdMs: atMs }, by);
  }
  if (act === 'revoke') return store.removeGrant(`token ${turn.device} ${number}`, by);
  const way = wayTo(turn);
  if (way !== undefined) return way(store);
  if (act === 'audit') return store.appendAudit([{ ...by, act: 'test', subject: device }]);
  if (act === 'log') {
    const size = await store.logSize();
    return store.appendLog(size, [{ entry: signed, hash: leafHash(signed), atMs }], []);
  }
  return store.lease({ name: view.id, holder: device, nowMs: atMs, forMs: 2 });
}

/** What is done to the ways into the fleet, and by devices that come by them. */
function wayTo({ act, device, number }: Turn): ((store: FleetStore) => Promise<unknown>) | undefined {
  const by = { actor: 'test', atMs: startMs + number };
  const id = ids[device] ?? '';
  const own = newDevice(id);
  const name = `way ${number % 2}`;
  const [serial, silentBeforeMs] = [`0${number % 3}`, startMs + 3];
  const waiting = { by: 'approval', waitingMax: 2, silentBeforeMs } as const;
  const ways: Partial<Record<Turn['act'], (store: FleetStore) => Promise<unknown>>> = {
    manufacturer: async (store) => store.addManufacturer(manufacturerOf(name), by),
    token: async (store) => store.addEnrolmentToken(tokenOf(name, { uses: 2 }), by),
    enrol: async (store) =>
      store.enrol(own, number % 2 === 0 ? { by: 'token', name } : { by: 'manufacturer', name, serial }, by),
    wait: async (store) => store.enrol(own, waiting, by),
    'turn-away': async (store) => store.turnAway([id], by),
    'revoke-certificate': async (store) => store.revokeCertificates(name, [serial], by),
    'close-way': async (store) => [
      await store.removeManufacturer(name, by),
      await store.removeEnrolmentToken(name, by),
    ],
  };
  return ways[act];
}

/** All that a tenant can find out by whatever method. */
export async function everythingIn(store: FleetStore): Promise<unknown> {
  const sorted = <T>(values: readonly T[], keyOf: (value: T) => string) =>
    values.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return {
    devices: await store.devices({ limit: 100 }),
    byKid: await store.speakers(ids.map((id) => newDevice(id).kid)),
    pending: await store.countDevices('pending'),
    summary: sorted(await store.summary(), ({ version, state }) => `${version} ${state}`),
    sessions: sorted(await store.sessions(), ({ device }) => device),
    evidence: await Promise.all(ids.map(async (id) => store.evidence(id, 100))),
    campaigns: await store.campaigns(100),
    open: await store.openCampaigns(startMs),
    ofCampaigns: await Promise.all(
      campaignIds.map(async (name) => {
        const id = name.repeat(16);
        return {
          totals: await store.totals(id),
          members: await store.members(id, undefined, { limit: 100 }),
          due: sorted(await store.due(id, startMs + 1, 100), ({ device }) => device),
        };
      }),
    ),
    live: sorted(await store.liveOffers(), ({ campaign, device }) => `${campaign} ${device}`),
    grants: sorted(await store.grants(), ({ name }) => name),
    manufacturers: await store.manufacturers(),
    tokens: await store.enrolmentTokens(),
    audit: await store.audit(1_000),
    log: await store.logEntries(0, 100),
    newest: await store.newest(),
  };
}
