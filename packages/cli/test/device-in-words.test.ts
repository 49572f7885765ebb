import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateSigningKey } from '@lapel/cose';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { CheckInState } from '@lapel/status-tracker/client';
import { httpClient, request, systemClock, systemRandom } from '@lapel/transport';
import { askJson } from '../src/ask.ts';
import { deviceInWords } from '../src/device-in-words.ts';
import { readToken } from '../src/serve/data-folder.ts';
import { openHouse } from '../src/serve/house.ts';
import { onlyBugs } from './only-bugs.ts';

/** A device that checks in with a server, and what the server then says of it. */
async function shown(state: CheckInState): Promise<readonly string[]> {
  const path = await mkdtemp(join(tmpdir(), 'lapel-words-'));
  const [vendor, product] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const house = await openHouse({ path, port: 0, log: onlyBugs(onBug) });
  try {
    const handler = httpClient(house.url);
    const key = generateSigningKey('P-256');
    await house.tracker.desk.provision({ id: 'lamp', key: key.public, vendor, class: product }, 'test');
    const client = createTrackerClient({
      ...{ handler, key, vendor, class: product, device: 'lamp', clock: systemClock, random: systemRandom },
      trackerKey: house.folder.trackerKey.public,
    });
    await client.checkIn(state);
    const token = await readToken(house.folder, 'viewer');
    const device = await askJson({ handler, token }, request('GET', '/devices/lamp'));
    return deviceInWords(device as Record<string, unknown>).map(([name, value]) => `${name}: ${value}`);
  } finally {
    await house.close();
    await rm(path, { recursive: true });
  }
}

function onBug(error: unknown): never {
  throw error;
}

const installed = {
  component: [Uint8Array.of(0x66, 0x77)],
  sequenceNumber: 7,
  manifestDigest: new Uint8Array(32).fill(0xaa),
};
const idle = { state: 'idle', imageBytesMax: 65_536 } as const;

test('S4-125, S4-126, S3-42: a device is shown with what its start measured, refused and cost', async () => {
  const words = await shown({
    ...idle,
    components: [
      { ...installed, slot: 1, imageDigest: new Uint8Array(32).fill(0xbb), imageBytes: 9_007, onTrial: true },
    ],
    loaderDigest: new Uint8Array(32).fill(0xcc),
    bootVerified: 'mac',
    rollbackProtection: 'not-protected',
    refused: [{ slot: 0, because: 'its image is another than its manifest names' }],
    downtimeMs: 4_260,
    expectedDowntimeMs: 5_000,
  });
  for (const line of [
    `component: fw, sequence 7, slot 1, on trial, manifest ${'aa'.repeat(32)}`,
    `measured: 9.0 kB, SHA-256 ${'bb'.repeat(32)}`,
    `bootloader: SHA-256 ${'cc'.repeat(32)}`,
    "verified by: the device's own MAC, made after the signature was verified",
    'older flash: would be started: nothing outside the flash tells its age',
    'not started: slot 0: its image is another than its manifest names',
    'interrupted: 4.2 s by the last update, 5 s expected',
  ])
    assert.ok(words.includes(line), `expected ${line}, found:\n${words.join('\n')}`);
});

test('S4-126: of a device that measures nothing, nothing is said of measurements', async () => {
  const words = await shown({ ...idle, components: [installed] });
  assert.ok(words.includes(`component: fw, sequence 7, manifest ${'aa'.repeat(32)}`));
  assert.doesNotMatch(words.join('\n'), /measured|bootloader|verified|older flash|not started|interrupted/);
});
