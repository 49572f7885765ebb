/** The devices of a fleet under chaos: each goes on by itself, over whichever tracker is there. */

import type { SigningKey } from '@lapel/cose';
import { generateSigningKey, keyToPem } from '@lapel/cose';
import type { Clock, Handler, Request } from '@lapel/transport';
import { Problem, TransportError, bytesBody, collect, discard, httpClient, request } from '@lapel/transport';
import type { CrowdDevice } from '../crowd/crowd-device.ts';
import { createCrowdDevice } from '../crowd/crowd-device.ts';
import type { CrowdRelease } from '../crowd/crowd-release.ts';
import { deviceClass, vendor } from '../firmware.ts';
import type { SeededRandom } from '../random.ts';
import type { Trackers } from './faults.ts';
import type { Ledger } from './ledger.ts';

export const classNames = ['lamp', 'meter'] as const;

export interface CrowdWorld {
  readonly author: SigningKey;
  readonly tracker: SigningKey;
  readonly releases: readonly CrowdRelease[];
  readonly devices: number;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly trackers: Trackers;
  readonly ledger: Ledger;
}

export interface Crowd {
  readonly ids: readonly string[];
  /** How many do not run the newest release of their class. */
  behind(): number;
  readonly counts: { repeated: number; forged: number; refused: number };
  close(): Promise<void>;
}

const answerMsMax = 3_000;
const messageBytesMax = 64 * 1024;
/** Messages that are kept to be sent again. */
const heardMax = 200;

export async function openCrowd(world: CrowdWorld): Promise<Crowd> {
  const { releases, clock, random, trackers, ledger } = world;
  const counts = { repeated: 0, forged: 0, refused: 0 };
  const newest = Math.max(...releases.map(({ sequenceNumber }) => sequenceNumber));
  const heard: Request[] = [];
  const handler = overAny(trackers, (asked) => {
    if (asked.method === 'POST') heard[random.below(heardMax)] = asked;
  });
  const payloads = new Map(releases.map(({ payload }) => payload));
  const stop = new AbortController();

  function make(index: number): CrowdDevice & { readonly className: string } {
    const className = classNames[index % classNames.length] ?? classNames[0];
    const device = createCrowdDevice({
      ...{ id: `${className}-${index}`, className, handler, author: world.author.public, payloads, clock },
      ...{ tracker: world.tracker.public, random: random.fork(`device ${index}`), answerMsMax },
      runs: { sequenceNumber: 1, manifestDigest: new Uint8Array(32) },
      isSound: (sequenceNumber) => sequenceNumber === newest || random.below(10) > 0,
    });
    return { ...device, className };
  }

  async function provision({ id, key, className }: ReturnType<typeof make>): Promise<void> {
    const device = { id, vendor, class: deviceClass(className) };
    await trackers.any()?.ask({ do: 'provision', device, publicKey: keyToPem(key.public) });
  }

  async function turn(device: ReturnType<typeof make>): Promise<void> {
    const [askedMs, told] = [clock.monotonicMs(), device.told()];
    const offer = await device.poll();
    if (offer === undefined) return random.below(10) === 0 ? device.checkIn() : undefined;
    ledger.offered(device.id, device.className, told, offer, askedMs);
    ledger.taken(device.id, await device.update(offer));
  }

  async function goOn(device: ReturnType<typeof make>): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(50 + random.below(400));
      await tolerant(() => turn(device));
    }
  }

  /** Whoever listened sends again what was sent; whoever has no key says that it has one. */
  async function mischief(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(20 + random.below(100));
      await tolerant(() => (random.below(2) === 0 ? repeat() : forge()));
    }
  }

  async function repeat(): Promise<void> {
    const old = heard[random.below(heardMax)];
    if (old === undefined) return;
    counts.repeated++;
    const { status, body } = await handler(old);
    await discard(body);
    if (status !== 'ok' && status !== 'created' && status !== 'changed') counts.refused++;
    if (old.path === '/register' && status === 'created') ledger.finding('a registration was taken twice');
  }

  async function forge(): Promise<void> {
    counts.forged++;
    const victim = devices[random.below(devices.length)];
    const isTaken = random.below(2) === 0 && victim !== undefined;
    const forged = createCrowdDevice({
      ...{
        id: isTaken ? victim.id : `stranger-${random.below(5_000)}`,
        className: 'lamp',
        handler,
        payloads,
      },
      ...{ author: world.author.public, tracker: world.tracker.public, clock, random, answerMsMax },
      ...{ runs: { sequenceNumber: 1, manifestDigest: new Uint8Array(32) }, isSound: () => true },
      key: generateSigningKey('P-256'),
    });
    await forged.client.register();
    if (isTaken) ledger.finding(`${victim.id} was registered with another key than its own`);
    if ((await forged.poll()) !== undefined) ledger.finding(`${forged.id} was offered something unapproved`);
  }

  const devices = Array.from({ length: world.devices }, (_, index) => make(index));
  for (const device of devices) await provision(device);
  const lives = [...devices.map(goOn), mischief()];
  return {
    ids: devices.map(({ id }) => id),
    behind: () => devices.filter((each) => each.running().sequenceNumber < newest).length,
    counts,
    async close() {
      stop.abort();
      await Promise.all(lives);
    },
  };
}

/** Over whichever tracker runs just now. */
function overAny(trackers: Trackers, hear: (asked: Request) => void): Handler {
  const clients = new Map<string, Handler>();
  return async (asked) => {
    const url = trackers.any()?.url;
    if (url === undefined) throw new TransportError('unreachable', 'no tracker runs');
    const client = clients.get(url) ?? httpClient(new URL(url));
    clients.set(url, client);
    if (asked.method === 'GET') return client(asked);
    const body = await collect(asked.body, messageBytesMax);
    const { signal: _, ...rest } = asked;
    hear({ ...request(asked.method, asked.path), ...rest, body: bytesBody(body) });
    return client({ ...asked, body: bytesBody(body) });
  };
}

/** A link that fails and a tracker that says no are what a device lives with. */
async function tolerant(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof TransportError || error instanceof Problem)) throw error;
  }
}
