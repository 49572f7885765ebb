/**
 * One whole campaign for a crowd: every device registers with its own key, polls with jitter, proves and runs
 * the manifest, and reports with its signature, to a tracker with its own store. Only time is made.
 */

import { hex, write } from '@lapel/cbor';
import { generateSigningKey, signAttached } from '@lapel/cose';
import { digest as digestOf } from '@lapel/cose';
import { outlineEnvelope, publishedUri } from '@lapel/author';
import type { FleetStore } from '@lapel/status-tracker';
import { createStatusTracker } from '@lapel/status-tracker';
import { Campaign } from '@lapel/status-tracker/protocol';
import type { Handler } from '@lapel/transport';
import { bytesBody, systemRandom } from '@lapel/transport';
import { component, deviceClass, makeRelease, vendor } from '../firmware.ts';
import { seededRandom } from '../random.ts';
import type { CrowdDevice } from './crowd-device.ts';
import { createCrowdDevice } from './crowd-device.ts';
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
const atOnce = 64;
/** Devices of one moment poll together; so many moments lie in one poll interval. */
const moments = 1_000;

export async function runCrowdCampaign(options: CrowdCampaign): Promise<CrowdOutcome> {
  const { devices: count, seed, store, pollMs } = options;
  const random = seededRandom(seed);
  const [author, trackerKey, operator] = ['author', 'tracker', 'operator'].map(() =>
    generateSigningKey('P-256'),
  );
  if (author === undefined || trackerKey === undefined || operator === undefined) throw new Error('no keys');
  const release = await releaseFor(author, random.bytes(64));
  const time = eventTime();
  const { clock } = time;
  const tracker = await createStatusTracker({
    ...{ store, clock, trackerKey, random: systemRandom, operators: [operator.public] },
    authors: [{ key: author.public }],
    releases: (digest) => (hex(digest) === hex(release.digest) ? release : undefined),
    onBug,
  });
  // What a firmware server would hand out, it has beside it.
  const handler: Handler = async (asked) =>
    asked.path === release.uri
      ? { status: 'ok', headers: {}, body: bytesBody(release.envelope) }
      : tracker.handler(asked);
  const payloads = new Map([release.payload]);
  const make = (index: number) =>
    createCrowdDevice({
      ...{
        id: `meter-${index}`,
        className,
        handler,
        author: author.public,
        payloads,
        clock,
      },
      ...{ tracker: trackerKey.public, random: random.fork(`${index}`), isSound: () => true },
      runs: { sequenceNumber: 1, manifestDigest: new Uint8Array(32) },
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
  const signed = signAttached(operator, campaignFor(release.digest, clock.wallMs(), options.inFlightMax));
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

async function releaseFor(author: ReturnType<typeof generateSigningKey>, image: Uint8Array) {
  const envelope = await makeRelease({ image, sequence: 2, version: '2.0.0', className, key: author });
  const digest = outlineEnvelope(envelope).digest.bytes;
  return {
    ...{
      digest,
      envelope,
      vendor,
      class: deviceClass(className),
      sequenceNumber: 2,
      components: [component],
    },
    ...{ imageBytes: image.length, uri: `/manifests/${hex(digest)}`, released: true },
    payload: [publishedUri(digestOf('sha-256', image)), image] as const,
  };
}

const campaignFor = (manifestDigest: Uint8Array, created: number, inFlightMax: number): Uint8Array =>
  write(Campaign, {
    ...{ version: 1, id: systemRandom.bytes(16), name: 'meters to 2.0.0', manifestDigest },
    ...{ vendor, class: deviceClass(className), waves: [10, 100, 1000], inFlightMax, failureRateMax: 50 },
    ...{ silenceMsMax: dayMs, created, expires: created + 60 * dayMs },
  });

function onBug(error: unknown): never {
  throw error;
}
