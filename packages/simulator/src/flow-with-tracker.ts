/**
 * RFC 9019 §9, second flow: a status tracker learns what the device runs, pushes the manifest to it, and
 * the device fetches the firmware from the firmware server (S4-132, S4-133).
 */

import { hex, unhex, write } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { generateSigningKey, signAttached } from '@lapel/cose';
import type { TrustStore } from '@lapel/device';
import { trackerSource } from '@lapel/device';
import type { Release, StatusTracker } from '@lapel/status-tracker';
import { createMemoryStore, createStatusTracker, runningVersion } from '@lapel/status-tracker';
import type { TrackerClient } from '@lapel/status-tracker/client';
import { createTrackerClient } from '@lapel/status-tracker/client';
import { Campaign, envelopeBytesMax, protocolVersion } from '@lapel/status-tracker/protocol';
import type { Handler } from '@lapel/transport';
import { collect, request, systemClock, systemRandom } from '@lapel/transport';
import { component, deviceClass, vendor } from './firmware.ts';
import type { DeviceWays, Parties } from './flow-parties.ts';
import {
  className,
  gatherParties,
  onBug,
  origin,
  party,
  publishNew,
  switchOn,
  versions,
} from './flow-parties.ts';
import type { MessageTrace } from './message-trace.ts';
import { messageTrace } from './message-trace.ts';

/** The figure's arrows, from top to bottom; the last one shows the tracker what has become of it. */
export const arrowsWithTracker: readonly string[] = [
  'Status Tracker → FW Consumer: query firmware version',
  `FW Consumer → Status Tracker: firmware version ${versions.old}`,
  'Firmware Server: new firmware',
  'Status Tracker: new manifest',
  'Status Tracker → FW Consumer: push manifest',
  'FW Consumer: validate manifest',
  `FW Consumer → Firmware Server: request firmware ${versions.new}`,
  `Firmware Server → FW Consumer: firmware ${versions.new}`,
  'FW Consumer: verify firmware',
  'FW Consumer: store firmware',
  'FW Consumer → Bootloader: trigger reboot',
  'Bootloader: verify firmware',
  'Bootloader: activate new firmware',
  'Bootloader: boot new firmware',
  'FW Consumer: confirm firmware',
  `FW Consumer → Status Tracker: firmware version ${versions.new}`,
];

/** Puts a road between a device and a server. */
export type Carry = (server: Handler) => Promise<Handler>;

/**
 * @param folder empty, for the firmware server
 * @param carry by what the device reaches both servers. Returns the arrows that happened.
 */
export async function flowWithTracker(
  folder: string,
  carry: Carry = async (server) => server,
): Promise<readonly string[]> {
  const [trackerKey, operator] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
  const parties = await gatherParties({ folder, trackerKey: trackerKey.public });
  const trace = messageTrace();
  const store = createMemoryStore();
  const tracker = await createStatusTracker({
    store,
    clock: systemClock,
    random: systemRandom,
    trackerKey,
    operators: [operator.public],
    releases: (digest) => releaseFrom(parties, digest),
    onBug,
  });
  await tracker.desk.provision(
    { id: 'lamp-1', key: parties.deviceKey.public, vendor, class: deviceClass(className) },
    'the flow',
  );
  const done = new AbortController();
  const roads = { server: await carry(parties.server.handler), tracker: await carry(tracker.handler) };
  const watched = watchVersion(tracker, trace, () => done.abort(new Error('the flow has ended')));
  const life = switchOn(parties, ways(roads, trackerKey.public, trace, watched), done.signal);
  await Promise.race([watched.first, life]);
  const manifest = await publishNew(parties, messageTrace());
  trace.step(party.server, 'new firmware');
  await startCampaign(tracker, manifest, operator);
  trace.step(party.tracker, 'new manifest');
  await tracker.tick();
  await life;
  await tracker.close();
  return trace.arrows;
}

function ways(
  { server, tracker }: { readonly server: Handler; readonly tracker: Handler },
  trackerKey: VerificationKey,
  trace: MessageTrace,
  watched: WatchedVersion,
): DeviceWays {
  const network = trace.between(party.consumer, party.server, server, ({ path }) =>
    path.startsWith('/payloads/')
      ? { ask: `request firmware ${versions.new}`, answer: () => `firmware ${versions.new}` }
      : undefined,
  );
  let queried = false;
  const handler = trace.between(party.consumer, party.tracker, tracker, ({ path }) => {
    if (path !== '/register' || queried) return undefined;
    queried = true;
    return { answer: () => 'query firmware version' };
  });
  const connect = ({ device, deviceKey: key, class: of }: TrustStore) => {
    const updateMode = 'server-initiated' as const;
    const way = { handler, clock: systemClock, random: systemRandom };
    const client = createTrackerClient({ ...way, device, key, trackerKey, vendor, class: of, updateMode });
    return trackerSource({ client: observed(client, trace, watched), origin, waitMs: 1_000 });
  };
  return { network, trace, connect };
}

/** The client with its check-ins and the offers that carry a manifest noted. */
function observed(client: TrackerClient, trace: MessageTrace, watched: WatchedVersion): TrackerClient {
  let pushed: Uint8Array | undefined;
  return {
    ...client,
    async checkIn(state) {
      const receipt = await client.checkIn(state);
      if (state.state !== 'awaiting-confirmation') await watched.look();
      return receipt;
    },
    async poll(options) {
      const offer = await client.poll(options);
      if (offer?.envelope !== undefined && offer.nonce !== pushed) {
        pushed = offer.nonce;
        trace.message(party.tracker, party.consumer, 'push manifest');
      }
      return offer;
    },
  };
}

interface WatchedVersion {
  /** The tracker knows what the device runs at first. */
  readonly first: Promise<void>;
  look(): Promise<void>;
}

/** Notes what the tracker itself knows of the device's version, whenever that has changed. */
function watchVersion(tracker: StatusTracker, trace: MessageTrace, onNew: () => void): WatchedVersion {
  let known: string | undefined;
  const { promise: first, resolve } = Promise.withResolvers<void>();
  return {
    first,
    async look() {
      const { device } = await tracker.desk.device('lamp-1');
      const version = runningVersion(device.inventory);
      if (version === known) return;
      known = version;
      trace.message(party.consumer, party.tracker, `firmware version ${version}`);
      resolve();
      if (version === versions.new) onNew();
    },
  };
}

export async function releaseFrom({ server }: Parties, digest: Uint8Array): Promise<Release | undefined> {
  const release = server.catalog.find(hex(digest));
  if (release === undefined) return undefined;
  const path = `/manifests/${release.digest}`;
  const { body } = await server.handler(request('GET', path));
  return {
    digest,
    vendor,
    class: deviceClass(className),
    sequenceNumber: release.sequenceNumber,
    components: [component],
    imageBytes: Math.max(0, ...release.images.map(({ sizeBytes = 0 }) => sizeBytes)),
    uri: `${origin}${path}`,
    released: release.released !== undefined,
    envelope: await collect(body, envelopeBytesMax),
  };
}

const day = 24 * 3_600_000;

export async function startCampaign(
  tracker: StatusTracker,
  manifest: string,
  operator: SigningKey,
): Promise<void> {
  const created = systemClock.wallMs();
  const campaign = write(Campaign, {
    version: protocolVersion,
    id: systemRandom.bytes(16),
    name: `${className} ${versions.new}`,
    manifestDigest: unhex(manifest) ?? new Uint8Array(),
    vendor,
    class: deviceClass(className),
    waves: [1000],
    inFlightMax: 1,
    failureRateMax: 0,
    silenceMsMax: 60_000,
    created,
    expires: created + day,
  });
  await tracker.desk.start(signAttached(operator, campaign), 'operator');
}
