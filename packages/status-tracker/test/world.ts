/**
 * A tracker and its devices in one process: real keys and messages, a clock that a test moves, seeded
 * chance.
 */
import { unhex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, readKeyPem, signAttached } from '@lapel/cose';
import type { FailureReason } from '@lapel/suit';
import { digestOf, failureResult, signReport } from '@lapel/suit';
import type { Clock, Handler, Random } from '@lapel/transport';
import { createTrackerClient } from '../src/client/client.ts';
import type { CheckInState, TrackerClientOptions } from '../src/client/client.ts';
import { createMemoryStore, createStatusTracker } from '../src/index.ts';
import type { FleetStore, Release, StatusTracker, StatusTrackerOptions } from '../src/index.ts';
import { Campaign, CampaignOrder } from '../src/protocol.ts';
import type { Offer, OrderName } from '../src/protocol.ts';

export const startMs = Date.UTC(2026, 0, 1);

export interface TestClock extends Clock {
  /** Lets time pass, and whoever slept until then wake up. */
  pass(ms: number): void;
  /** Sets the wall clock back, or forward where it is negative. */
  setBack(ms: number): void;
  readonly sleeping: number;
}

export function testClock(): TestClock {
  let [nowMs, setBackMs] = [startMs, 0];
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  return {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs - setBackMs,
    wallIsTrusted: true,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const sleeper = { untilMs: nowMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          if (sleepers.delete(sleeper)) reject(signal.reason as Error);
        });
      }),
    setBack(ms) {
      setBackMs += ms;
    },
    pass(ms) {
      nowMs += ms;
      for (const sleeper of sleepers) {
        if (sleeper.untilMs <= nowMs) {
          sleepers.delete(sleeper);
          sleeper.wake();
        }
      }
    },
    get sleeping() {
      return sleepers.size;
    },
  };
}

/** Chance that is the same in every run: the hash of a seed and a count. */
export function testRandom(seed: string): Random {
  let count = 0;
  const block = () => digest('sha-256', new TextEncoder().encode(`${seed}/${count++}`));
  return {
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) bytes.set(block().subarray(0, Math.min(32, length - at)), at);
      return bytes;
    },
    fraction: () => new DataView(block().buffer).getUint32(0) / 2 ** 32,
  };
}

/** The same key for the same name in every run. */
export function testKey(name: string): SigningKey {
  const seed = digest('sha-256', new TextEncoder().encode(name));
  // RFC 8410 §7: the seed of an Ed25519 key in PKCS#8; every 32 bytes are one.
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  const key = readKeyPem(pem);
  if (key.use !== 'sign') throw new TypeError('expected a private key, found a public one');
  return key;
}

export const vendor = bytes16('aa');
export const lampClass = bytes16('01');
export const otherClass = bytes16('02');
export const component = [new Uint8Array([0])];

export function bytes16(byte: string): Uint8Array {
  return unhex(byte.repeat(16)) ?? new Uint8Array();
}

export const digestFor = (sequenceNumber: number) =>
  digest('sha-256', new TextEncoder().encode(`manifest ${sequenceNumber}`));

export const releaseOf = (sequenceNumber: number, changes: Partial<Release> = {}): Release => ({
  digest: digestFor(sequenceNumber),
  vendor,
  class: lampClass,
  sequenceNumber,
  components: [component],
  imageBytes: 50_000,
  uri: `/manifests/${sequenceNumber}`,
  released: true,
  envelope: new Uint8Array(100).fill(sequenceNumber),
  ...changes,
});

const trackerKey = testKey('tracker');
export const operatorKey = testKey('operator');

export interface World {
  readonly clock: TestClock;
  readonly store: FleetStore;
  readonly releases: Map<string, Release>;
  tracker: StatusTracker;
  /** A new tracker over the same store. */
  restart(): Promise<void>;
  device(id: string, changes?: Partial<TrackerClientOptions>): TestDevice;
  /** Provisioned, registered and checked in with sequence number 1. */
  lamps(count: number, changes?: Partial<TrackerClientOptions>): Promise<readonly TestDevice[]>;
  campaign(id: string, sequenceNumber: number, changes?: Partial<Campaign>): Uint8Array;
  order(id: string, number: number, order: OrderName): Uint8Array;
}

export async function createWorld({
  store = createMemoryStore(),
  ...changes
}: Partial<StatusTrackerOptions> = {}): Promise<World> {
  const clock = testClock();
  const releases = new Map([2, 3].map((number) => [String(digestFor(number)), releaseOf(number)] as const));
  const options: StatusTrackerOptions = {
    store,
    clock,
    random: testRandom('tracker'),
    trackerKey,
    operators: [operatorKey.public],
    releases: (wanted) => releases.get(String(wanted)),
    onBug(error) {
      throw error;
    },
    ...changes,
  };
  let restarts = 0;
  const world: World = {
    clock,
    store,
    releases,
    tracker: await createStatusTracker(options),
    async restart() {
      restarts += 1;
      world.tracker = await createStatusTracker({ ...options, random: testRandom(`tracker ${restarts}`) });
    },
    device: (id, given) => testDevice(id, clock, (asked) => world.tracker.handler(asked), given),
    async lamps(count, given) {
      const lamps = Array.from({ length: count }, (_, index) => world.device(`lamp-${index}`, given));
      for (const lamp of lamps) {
        const { id, key } = lamp;
        await world.tracker.desk.provision({ id, key: key.public, vendor, class: lampClass }, 'test');
        await lamp.checkIn();
      }
      return lamps;
    },
    campaign: (id, sequenceNumber, given) => campaignBytes(id, sequenceNumber, clock.wallMs(), given),
    order: (id, number, order) =>
      signAttached(
        operatorKey,
        write(CampaignOrder, { version: 1, campaign: bytes16(id), number, order, created: clock.wallMs() }),
      ),
  };
  return world;
}

export const campaignBytes = (...[id, sequenceNumber, createdMs, changes]: Parameters<typeof campaignOf>) =>
  signAttached(operatorKey, write(Campaign, campaignOf(id, sequenceNumber, createdMs, changes)));

export const campaignOf = (
  id: string,
  sequenceNumber: number,
  createdMs: number,
  changes: Partial<Campaign> = {},
): Campaign => ({
  version: 1,
  id: bytes16(id),
  name: `lamps to ${sequenceNumber}`,
  manifestDigest: digestFor(sequenceNumber),
  vendor,
  class: lampClass,
  waves: [1000],
  inFlightMax: 100,
  failureRateMax: 500,
  silenceMsMax: 60_000,
  created: createdMs,
  expires: createdMs + 86_400_000,
  ...changes,
});

export interface TestDevice {
  readonly id: string;
  readonly key: SigningKey;
  readonly client: ReturnType<typeof createTrackerClient>;
  checkIn(changes?: Partial<CheckInState>): Promise<void>;
  /** A report on an offer, signed by the device. */
  report(offer: Offer, result: 'ok' | 'invoke-pending' | FailureReason): Uint8Array;
  /** Polls, installs, and tells all of it. */
  update(): Promise<void>;
}

export const inventoryOf = (sequenceNumber: number, changes: Partial<CheckInState> = {}): CheckInState => ({
  state: 'idle',
  components: [
    {
      component,
      sequenceNumber,
      manifestDigest: digestFor(sequenceNumber),
      version: `1.0.${sequenceNumber}`,
    },
  ],
  imageBytesMax: 100_000,
  ...changes,
});

/** All that a device may tell of its start, each text as long as it may be. */
export const measured = {
  bootReason: 'r'.repeat(128),
  loaderDigest: new Uint8Array(32).fill(0x10),
  bootVerified: 'mac',
  rollbackProtection: 'not-protected',
  refused: [0, 1, 2, 3].map((slot) => ({ slot, because: `${slot}`.repeat(128) })),
  downtimeMs: 4_260,
  expectedDowntimeMs: 5_000,
} as const satisfies Partial<CheckInState>;

export const measuredImage = {
  slot: 1,
  imageDigest: new Uint8Array(32).fill(0x1a),
  imageBytes: 9_007,
  onTrial: true,
} as const;

export const reportOf = (
  key: SigningKey,
  { nonce, uri, digest: manifest }: Pick<Offer, 'nonce' | 'uri' | 'digest'>,
  result: 'ok' | 'invoke-pending' | FailureReason,
): Uint8Array => {
  const record = { manifestId: [], section: 20, offset: 0, component: 0, properties: {} };
  return signReport(key, {
    nonce,
    records: [],
    result: result === 'ok' ? true : failureResult(result, record),
    reference: [uri, digestOf({ algorithm: 'sha-256', bytes: manifest })],
  });
};

function testDevice(
  id: string,
  clock: Clock,
  handler: Handler,
  changes: Partial<TrackerClientOptions> = {},
): TestDevice {
  const key = changes.key ?? testKey(id);
  const client = createTrackerClient({
    handler,
    device: id,
    key,
    trackerKey: trackerKey.public,
    vendor,
    class: lampClass,
    clock,
    random: testRandom(id),
    ...changes,
  });
  const report: TestDevice['report'] = (offer, result) => reportOf(key, offer, result);
  const checkIn: TestDevice['checkIn'] = async (given) => void (await client.checkIn(inventoryOf(1, given)));
  return {
    id,
    key,
    client,
    checkIn,
    report,
    async update() {
      const offer = await client.poll();
      if (offer === undefined) return;
      const pending = offer.digest;
      await checkIn({ state: 'fetching', pending });
      await checkIn({ state: 'installing', pending });
      await client.report(report(offer, 'invoke-pending'));
      await checkIn({ state: 'awaiting-confirmation', pending });
      await client.report(report(offer, 'ok'));
    },
  };
}
