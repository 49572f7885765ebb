/** The parties that both example flows have in common: an author with a firmware, a server, and a device. */

import { readFile } from 'node:fs/promises';
import { hex } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { digest, encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import { publishRelease } from '@lapel/author';
import type { BootDecision, Profile, Step, TrustStore, UpdateSource } from '@lapel/device';
import { class1, manufacture, trustStoreVersion } from '@lapel/device';
import type { FirmwareServer } from '@lapel/firmware-server';
import { createFirmwareServer } from '@lapel/firmware-server';
import type { Handler, Peer } from '@lapel/transport';
import { bearer, bytesBody, readProblem, request, systemClock, systemRandom } from '@lapel/transport';
import type { Running } from './device-life.ts';
import { live } from './device-life.ts';
import { deviceClass, makeRelease, vendor } from './firmware.ts';
import type { NorFlash } from './flash.ts';
import { norFlash } from './flash.ts';
import type { MessageTrace } from './message-trace.ts';

export const origin = 'http://firmware.example';
export const className = 'lamp';

/** The parties' names, as the figures have them. */
export const party = {
  author: 'Author',
  server: 'Firmware Server',
  tracker: 'Status Tracker',
  consumer: 'FW Consumer',
  bootloader: 'Bootloader',
} as const;

/** The versions that the figures call A.B.C and X.Y.Z. */
export const versions = { old: '1.0.0', new: '1.1.0' } as const;

export interface Parties {
  readonly author: SigningKey;
  readonly server: FirmwareServer;
  readonly image: Uint8Array;
  readonly flash: NorFlash;
  readonly profile: Profile;
  readonly deviceKey: SigningKey;
}

const lamp = (version: string) =>
  new URL(`../../../examples/lamp/build/lamp-${version}.bin`, import.meta.url);
const read = async (version: string) => new Uint8Array(await readFile(lamp(version)));

export interface PartiesOptions {
  /** For the firmware server, empty. */
  readonly folder: string;
  /** Whom the device asks to confirm; it tests itself where there is none. */
  readonly trackerKey?: VerificationKey;
}

export async function gatherParties({ folder, trackerKey }: PartiesOptions): Promise<Parties> {
  const [author, deviceKey] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
  const server = await createFirmwareServer({
    folder,
    trustAnchors: [{ key: author.public }],
    onBug,
    onRefused,
  });
  const profile = class1();
  const flash = norFlash({ geometry: profile.layout.geometry });
  const old = await read(versions.old);
  const envelope = await makeRelease({
    image: old,
    sequence: 1,
    version: versions.old,
    className,
    key: author,
  });
  const trust = {
    version: trustStoreVersion,
    device: 'lamp-1',
    deviceKey: encodeSigningKey(deviceKey),
    vendor,
    class: deviceClass(className),
    anchors: [encodeVerificationKey(author.public)],
    confirmBy: trackerKey === undefined ? 'self-test' : 'tracker',
    attempts: 3,
    deadlineMs: 60_000,
    ...(trackerKey === undefined ? {} : { trackerKey: encodeVerificationKey(trackerKey) }),
  } as const;
  manufacture(flash, profile, trust, { envelope, image: old });
  return { author, server, image: await read(versions.new), flash, profile, deviceKey };
}

export function onBug(error: unknown): never {
  throw error;
}

function onRefused(_: string, why: string): never {
  throw new Error(`expected every release to be believed, found ${why}`);
}

const peers: Readonly<Record<string, Peer>> = {
  author: { id: 'author', roles: ['author'] },
  operator: { id: 'operator', roles: ['operator'] },
};

/**
 * Writes, signs and uploads the new firmware, noting each step; an operator releases it. Returns the
 * manifest's digest.
 */
export async function publishNew({ author, server, image }: Parties, trace: MessageTrace): Promise<string> {
  const proved = bearer(server.handler, (token) => peers[token]);
  const upload = trace.between(party.author, party.server, proved, ({ method }) => ({
    ...(method === 'PUT' ? { ask: 'upload firmware' } : method === 'POST' ? { ask: 'upload manifest' } : {}),
    answer: () => undefined,
  }));
  trace.step(party.author, 'create firmware');
  const payload = {
    digest: hex(digest('sha-256', image)),
    sizeBytes: image.length,
    open: () => bytesBody(image),
  };
  const headers = { authorization: 'Bearer author' };
  await upload(request('PUT', `/payloads/${payload.digest}`, { headers, body: payload.open() }));
  trace.step(party.author, 'create manifest');
  const plan = { image, sequence: 2, version: versions.new, className, key: author };
  const envelope = await makeRelease(plan);
  trace.step(party.author, 'sign manifest');
  const published = await publishRelease(upload, { envelope, payloads: [payload], token: 'author' });
  const released = await proved(
    request('POST', `/releases/${published.digest}`, { headers: { authorization: 'Bearer operator' } }),
  );
  if (released.status !== 'ok') throw await readProblem(released);
  return published.digest;
}

export interface DeviceWays {
  /** What the device reaches at `origin`. */
  readonly network: Handler;
  readonly connect: (trust: TrustStore, running: Running) => UpdateSource;
  /** Told each arrow that begins or ends in the device. */
  readonly trace: MessageTrace;
  readonly onStep?: (step: Step) => void;
}

/** Switches the device on, until the signal fires. */
export function switchOn(parties: Parties, ways: DeviceWays, signal: AbortSignal): Promise<BootDecision> {
  const { trace, connect, network, onStep } = ways;
  let slot: number | undefined;
  const words: Readonly<Partial<Record<Step, () => void>>> = {
    'manifest-validated': () => trace.step(party.consumer, 'validate manifest'),
    'image-verified': () => trace.step(party.consumer, 'verify firmware'),
    staged: () => trace.step(party.consumer, 'store firmware'),
    restarting: () => trace.message(party.consumer, party.bootloader, 'trigger reboot'),
    confirmed: () => trace.step(party.consumer, 'confirm firmware'),
  };
  return live(
    {
      ...parties,
      network: (asked) => (asked === origin ? network : undefined),
      clock: systemClock,
      random: systemRandom,
      pollMs: 20,
      behaviour: () => 'sound',
      connect,
      onStep: (step) => {
        words[step]?.();
        onStep?.(step);
      },
      onBoot: (decision) => {
        if (decision.boot === 'slot' && slot !== undefined) {
          trace.step(party.bootloader, 'verify firmware');
          if (decision.slot !== slot) trace.step(party.bootloader, 'activate new firmware');
          trace.step(party.bootloader, 'boot new firmware');
        }
        slot = decision.boot === 'slot' ? decision.slot : undefined;
      },
    },
    signal,
  );
}
