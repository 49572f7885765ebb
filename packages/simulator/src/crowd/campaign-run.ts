/**
 * One whole campaign for a crowd: every device registers with its own key, polls with jitter, proves and runs
 * the manifest, and reports with its signature, to a tracker with its own store. Only time is made.
 */

import { compareBytes, write } from '@lapel/cbor';
import { generateSigningKey, signAttached } from '@lapel/cose';
import type { FleetStore } from '@lapel/status-tracker';
import { createStatusTracker } from '@lapel/status-tracker';
import { Campaign } from '@lapel/status-tracker/protocol';
import { systemRandom } from '@lapel/transport';
import { deviceClass, vendor } from '../firmware.ts';
import { onBug } from '../flow-parties.ts';
import { seededRandom } from '../random.ts';
import type { CrowdDevice } from './crowd-device.ts';
import { createCrowdDevice } from './crowd-device.ts';
import { makeCrowdRelease, releaseIn, withManifests } from './crowd-release.ts';
import { eventTime } from './event-time.ts';

export interface CrowdCampaign {
  readonly devices: number;
  readonly seed: number;
  readonly store: FleetStore;
  /** How often a device asks, with a jitter of as much again. */
  readonly pollMs: number;
  readonly inFlightMax: number;
  readonly onProgress?: (confirmed: number, nowMs: number) => void;
}

export interface CrowdOutcome {
  /** Since the campaign began, of each device that proved it runs the new firmware; rising. */
  readonly patchedMs: readonly number[];
  readonly state: string;
  readonly polls: number;
}

const className = 'meter';
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Of one moment at a time: what they write shares the store's transactions. */
const atOnce = 512;
/** Devices of one moment poll together; so many moments lie in one poll interval. */
const moments = 60;

export async function runCrowdCampaign(options: CrowdCampaign): Promise<CrowdOutcome> {
  const { devices: count, seed, store, pollMs } = options;
  const random = seededRandom(seed);
  const author = generateSigningKey('P-256');
  const trackerKey = generateSigningKey('P-256');
  const operator = generateSigningKey('P-256');
  const image = random.bytes(64);
  const made = await makeCrowdRelease(author, { className, sequenceNumber: 2, image });
  const { digest, envelope, payload } = made;
  const release = releaseIn(envelope);
  const time = eventTime();
  const { clock } = time;
  const tracker = await createStatusTracker({
    ...{ store, clock, trackerKey, random: systemRandom, operators: [operator.public] },
    authors: [{ key: author.public }],
    releases: (wanted) => (compareBytes(wanted, digest) === 0 ? release : undefined),
    onBug,
  });
  const handler = withManifests(tracker.handler, async () => envelope);
  const payloads = new Map([payload]);
  const make = (index: number) =>
    createCrowdDevice({
      id: `meter-${index}`,
      className,
      handler,
      author: author.public,
      tracker: trackerKey.public,
      payloads,
      clock,
      random: random.fork(`${index}`),
      runs: { sequenceNumber: 1, manifestDigest: new Uint8Array(32) },
      isSound: () => true,
    });

  const patchedMs: number[] = [];
  let [polls, beganMs] = [0, 0];
  async function poll(device: CrowdDevice): Promise<void> {
    polls++;
    const offer = await device.poll();
    if (offer !== undefined) {
      await device.update(offer);
      patchedMs.push(time.nowMs() - beganMs);
      options.onProgress?.(patchedMs.length, time.nowMs() - beganMs);
    }
    if (patchedMs.length < count)
      time.at(inMoments(time.nowMs() + pollMs + random.below(pollMs), pollMs), () => poll(device));
  }

  const crowd = Array.from({ length: count }, (_, index) => make(index));
  for (let start = 0; start < count; start += atOnce) {
    await Promise.all(
      crowd.slice(start, start + atOnce).map(async (device) => {
        await tracker.desk.provision(
          { id: device.id, key: device.key.public, vendor, class: deviceClass(className) },
          'factory',
        );
        await device.checkIn();
      }),
    );
  }
  for (const device of crowd) time.at(inMoments(random.below(2 * pollMs), pollMs), () => poll(device));
  beganMs = time.nowMs();
  const signed = signAttached(operator, campaignFor(digest, clock.wallMs(), options.inFlightMax));
  const { id } = await tracker.desk.start(signed, 'operator');

  let isOver = false;
  async function round(): Promise<void> {
    await tracker.tick();
    const { state } = await tracker.desk.campaign(id);
    isOver = state !== 'running' || time.nowMs() - beganMs > 30 * dayMs;
    time.at(time.nowMs() + minuteMs, round);
  }
  time.at(0, round);
  await time.run(() => isOver, atOnce);
  const { state } = await tracker.desk.campaign(id);
  await tracker.close();
  return { patchedMs, state, polls };
}

const inMoments = (ms: number, pollMs: number): number => {
  const moment = Math.max(1, Math.floor(pollMs / moments));
  return Math.ceil(ms / moment) * moment;
};

const campaignFor = (manifestDigest: Uint8Array, created: number, inFlightMax: number): Uint8Array =>
  write(Campaign, {
    ...{ version: 1, id: systemRandom.bytes(16), name: 'meters to 1.2.0', manifestDigest },
    ...{ vendor, class: deviceClass(className), waves: [10, 100, 1000], inFlightMax, failureRateMax: 50 },
    ...{ silenceMsMax: dayMs, created, expires: created + 60 * dayMs },
  });
