/** The devices of a fleet under chaos: each goes on by itself, over whichever tracker is there. */

import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { keyToPem } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import { Problem, TransportError } from '@lapel/transport';
import type { CrowdDevice } from '../crowd/crowd-device.ts';
import { createCrowdDevice } from '../crowd/crowd-device.ts';
import type { CrowdRelease } from '../crowd/crowd-release.ts';
import { deviceClass, vendor } from '../firmware.ts';
import type { SeededRandom } from '../random.ts';
import type { Trackers } from './faults.ts';
import { forge } from './forgers.ts';
import type { Ledger } from './ledger.ts';
import type { Link } from './links.ts';
import { openLinks } from './links.ts';
import { whetherDone } from './tracker-control.ts';

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
  /** Those that do not run the newest release of their class. */
  behind(): readonly string[];
  readonly counts: Record<string, number>;
  close(): Promise<void>;
}

const answerMsMax = 3_000;

interface Member extends CrowdDevice {
  readonly className: string;
  readonly link: Link;
  /** The orders that it has followed; absent where it decides alone. */
  readonly orders: Set<string> | undefined;
}

export async function openCrowd(world: CrowdWorld): Promise<Crowd> {
  const { releases, clock, random, trackers, ledger } = world;
  const counts: Record<string, number> = { polls: 0, triggers: 0 };
  const newest = Math.max(...releases.map(({ sequenceNumber }) => sequenceNumber));
  const payloads = new Map(releases.map(({ payload }) => payload));
  const links = openLinks({ trackers, clock, random: random.fork('links'), ledger });
  const stop = new AbortController();

  function make(index: number): Member {
    const className = classNames[index % classNames.length] ?? classNames[0];
    const id = `${className}-${index}`;
    const link = links.link(id);
    const isOrdered = index % 3 === 0;
    const device = createCrowdDevice({
      ...{ id, className, handler: link.handler, author: world.author.public, payloads, clock },
      ...{ tracker: world.tracker.public, random: random.fork(`device ${index}`), answerMsMax },
      ...(isOrdered ? { updateMode: 'server-initiated' } : {}),
      runs: { sequenceNumber: 1, manifestDigest: new Uint8Array(32) },
      isSound: (sequenceNumber) => sequenceNumber === newest || random.below(10) > 0,
    });
    return { ...device, className, link, orders: isOrdered ? new Set() : undefined };
  }

  async function provision({ id, key, className }: Member): Promise<void> {
    const device = { id, vendor, class: deviceClass(className) };
    await trackers.any()?.ask({ do: 'provision', device, publicKey: keyToPem(key.public) });
  }

  async function turn(device: Member): Promise<void> {
    const [askedMs, told] = [clock.monotonicMs(), device.told()];
    counts['polls']!++;
    const offer = await device.poll();
    if (offer === undefined) return random.below(10) === 0 ? device.checkIn() : undefined;
    // What somebody has kept and sends again is not the tracker's word.
    if (!device.link.wasStale()) {
      const found = ledger.findings.length;
      ledger.offered(device.id, device.className, told, offer, askedMs);
      if (ledger.findings.length > found) await takeDown(device);
    }
    if (!isOrdered(device, offer)) return;
    const before = device.running().sequenceNumber;
    try {
      ledger.taken(device.id, await device.update(offer));
    } finally {
      const { sequenceNumber } = device.running();
      if (sequenceNumber < before)
        ledger.finding(`${device.id} went from ${before} back to ${sequenceNumber}`);
    }
  }

  /** What the tracker holds of a device, beside what was found: it is another a moment later. */
  async function takeDown({ id }: Member): Promise<void> {
    await whetherDone(async () => {
      const held = await trackers.any()?.ask({ do: 'device', device: id });
      ledger.finding(`the tracker's view of ${id}: ${String(held)}`);
    });
  }

  /** Whether it goes on now: a device that obeys waits for an order, and follows none twice. */
  function isOrdered({ id, client, orders }: Member, offer: Parameters<Member['update']>[0]): boolean {
    if (orders === undefined) return true;
    const isNew = client.takeTrigger(offer) !== undefined && offer.trigger !== undefined;
    if (isNew) {
      counts['triggers']!++;
      const order = hex(offer.trigger);
      if (orders.has(order)) ledger.finding(`${id} has followed an order twice`);
      orders.add(order);
    }
    // What it was ordered once it goes on with, where a link has failed.
    const nonce = hex(offer.nonce);
    if (isNew) orders.add(nonce);
    return orders.has(nonce);
  }

  async function goOn(device: Member): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(50 + random.below(400));
      await tolerant(() => turn(device));
    }
  }

  async function disturb(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(20 + random.below(100));
      await tolerant(links.mischief);
    }
  }

  async function flood(): Promise<void> {
    const handler = links.link('nobody').handler;
    const victims = devices.map(({ id }) => id);
    const others = { handler, victims, tracker: world.tracker, clock, ledger, tolerant };
    counts['forged'] = await forge({ ...others, random: random.fork('forgers') }, stop.signal);
  }

  const devices = Array.from({ length: world.devices }, (_, index) => make(index));
  for (const device of devices) await provision(device);
  const lives = [...devices.map(goOn), disturb(), flood()];
  return {
    ids: devices.map(({ id }) => id),
    behind: () => devices.filter((each) => each.running().sequenceNumber < newest).map(({ id }) => id),
    get counts() {
      return { ...counts, ...links.counts };
    },
    async close() {
      stop.abort();
      await Promise.all(lives);
    },
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
