/**
 * What the suites of the update modes share: one tracker that can be restarted, an author, a server, and
 * devices of the real device room, all on one simulated clock; what passes between them is noted.
 */

import { hex, write } from '@lapel/cbor';
import { digest, generateSigningKey, signAttached } from '@lapel/cose';
import type { FleetStore, Release, StatusTracker, StatusTrackerOptions } from '@lapel/status-tracker';
import { createMemoryStore, createStatusTracker } from '@lapel/status-tracker';
import { Campaign, protocolVersion } from '@lapel/status-tracker/protocol';
import type { ComponentIdentifier } from '@lapel/suit';
import { authenticate, server } from '@lapel/suit';
import type { Handler } from '@lapel/transport';
import { bytesBody } from '@lapel/transport';
import type { CoapRoad } from './coap-road.ts';
import { coapRoad } from './coap-road.ts';
import type { SimulatedClock } from './clock.ts';
import { simulatedClock } from './clock.ts';
import { datagramLink } from './datagram-link.ts';
import { component, deviceClass, makeUpdate, vendor } from './firmware.ts';
import { onBug } from './flow-parties.ts';
import type { DeviceMaking, ModesDevice } from './modes-device.ts';
import { makeModesDevice, switchedOff } from './modes-device.ts';
import type { SeededRandom } from './random.ts';
import { seededRandom } from './random.ts';

export const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const everything = 1_000 * hour;

/** One line of a trace: when, since the world began, and what. */
export interface Traced {
  readonly atMs: number;
  readonly what: string;
}

export interface NewFirmware {
  readonly image: Uint8Array;
  readonly sequence: number;
  readonly className: string;
  readonly of?: ComponentIdentifier;
  /** Only that there is something is told; the device fetches the manifest itself. */
  readonly isHidden?: boolean;
  /** Its payload is not what the manifest says. */
  readonly isSpoiled?: boolean;
}

export interface ModesWorld {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly store: FleetStore;
  readonly trace: readonly Traced[];
  tracker: StatusTracker;
  /** Both servers, as a device reaches them. */
  readonly served: Handler;
  note(what: string): void;
  sinceStart(): number;
  /** A time of day of the first day, UTC, or so long after the beginning. */
  at(ms: number): number;
  restartTracker(): Promise<void>;
  publish(firmware: NewFirmware): Promise<void>;
  rollOut(className: string, sequence: number): Promise<void>;
  make(making: DeviceMaking): Promise<ModesDevice>;
  /** The tracker works, and everybody lives, until then. */
  run(untilMs: number): Promise<void>;
  end(): Promise<void>;
}

/** Under which seed a suite is played, and how what devices ask comes to the servers. */
export interface Stage {
  readonly seed: number;
  readonly over: 'http' | 'coap';
}

/** What CoAP must cope with: one datagram in twenty is lost, and some come twice or late. */
const weather = { loss: 0.05, copies: 0.02, delayMs: [20, 400] } as const;

const tickMs = 20 * second;

export async function modesWorld(
  { seed, over }: Stage,
  given: Partial<StatusTrackerOptions> = {},
): Promise<ModesWorld> {
  const random = seededRandom(seed);
  const clock = simulatedClock();
  const startMs = clock.wallMs();
  const trace: Traced[] = [];
  const [author, trackerKey, operator] = [key(), key(), key()];
  const releases = new Map<string, Release>();
  const store = createMemoryStore();
  const running = new Set<AbortController>();
  const options: StatusTrackerOptions = {
    store,
    clock,
    random: random.fork('tracker'),
    trackerKey,
    operators: [operator.public],
    authors: [{ key: author.public }],
    releases: (wanted) => releases.get(hex(wanted)),
    onBug,
    ...given,
  };
  const note = (what: string) => void trace.push({ atMs: clock.wallMs() - startMs, what });
  const files = new Map<string, Uint8Array>();
  const served = serve(files, (asked) => world.tracker.handler(asked));
  const roads: CoapRoad[] = [];
  /** Nothing is left out but sockets: over HTTP, a Handler is called as a server would call it. */
  const roadOf = (device: string): Handler => {
    if (over === 'http') return served;
    const air = random.fork(`air of ${device}`);
    const road = coapRoad(served, { clock, random: air, link: datagramLink(clock, air, weather) });
    roads.push(road);
    return road.handler;
  };

  const world: ModesWorld = {
    clock,
    random,
    store,
    trace,
    served,
    tracker: await createStatusTracker(options),
    note,
    sinceStart: () => clock.wallMs() - startMs,
    at: (ms) => startMs + ms,
    async restartTracker() {
      await world.tracker.close();
      world.tracker = await createStatusTracker(options);
      note('Status Tracker: restarted');
    },
    async publish({ image, sequence, className, of = component, isHidden, isSpoiled }) {
      const envelope = await makeUpdate({
        parts: [{ component: of, image }],
        ...{ sequence, className, version: `1.${sequence}.0`, key: author },
      });
      const manifest = authenticate(envelope, [{ key: author.public }], server).digest.bytes;
      const uri = `/manifests/${hex(manifest)}`;
      const content = isSpoiled === true ? image.with(0, (image[0] ?? 0) ^ 1) : image;
      files.set(`/payloads/${hex(digest('sha-256', image))}`, content).set(uri, envelope);
      releases.set(hex(manifest), {
        digest: manifest,
        vendor,
        class: deviceClass(className),
        sequenceNumber: sequence,
        components: [of],
        imageBytes: image.length,
        uri,
        released: true,
        ...(isHidden === true ? {} : { envelope }),
      });
      note(`Firmware Server: ${className} ${sequence}`);
    },
    async rollOut(className, sequence) {
      const product = deviceClass(className);
      const found = [...releases.values()].find(
        (each) => hex(each.class) === hex(product) && each.sequenceNumber === sequence,
      );
      const campaign = {
        version: protocolVersion,
        ...{ id: random.bytes(16), name: `${className} to ${sequence}` },
        manifestDigest: found?.digest ?? new Uint8Array(32),
        ...{ vendor, class: product, waves: [1000], inFlightMax: 100, failureRateMax: 1000 },
        ...{ silenceMsMax: everything, created: clock.wallMs(), expires: clock.wallMs() + 72 * hour },
      } as const;
      await world.tracker.desk.start(signAttached(operator, write(Campaign, campaign)), 'operator');
      note(`Status Tracker: ${className} to ${sequence}`);
      await world.tracker.tick();
    },
    make: (making) =>
      makeModesDevice(world, making, {
        ...{ author, trackerKey, running },
        served: roadOf(making.id),
      }),
    async run(untilMs) {
      while (clock.wallMs() < untilMs) {
        await clock.sleep(Math.min(tickMs, untilMs - clock.wallMs()));
        await world.tracker.tick();
      }
    },
    async end() {
      for (const each of running) each.abort(switchedOff);
      for (const road of roads) await road.close();
      await world.tracker.close();
    },
  };
  return world;
}

const key = () => generateSigningKey('P-256');

/** A firmware server's files, and behind them the tracker. */
const serve =
  (files: ReadonlyMap<string, Uint8Array>, tracker: Handler): Handler =>
  async (asked) => {
    const bytes = files.get(asked.path);
    if (bytes === undefined) return tracker(asked);
    const [total, start] = [bytes.length, asked.range?.start ?? 0];
    // Named by its digest, so that a part is known to be of the same.
    const etag = asked.path.slice(asked.path.lastIndexOf('/') + 1);
    if (start === 0) return { status: 'ok', etag, size: total, body: bytesBody(bytes) };
    return { status: 'partial', etag, range: { start, total }, body: bytesBody(bytes.subarray(start)) };
  };
