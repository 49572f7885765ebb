/**
 * A device under LwM2M against programs that nobody here wrote: libcoap's directory takes its registration,
 * and libcoap's client, on the directory's port, manages it.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Provision } from '@lapel/device';
import { class1, manufacture, trustStoreVersion } from '@lapel/device';
import type { RegistrationStep } from '@lapel/device/lwm2m';
import { lwm2mClient, manageDevice, readTlv, stayRegistered } from '@lapel/device/lwm2m';
import { live } from '@lapel/simulator';
import { readEnvelope, writeEnvelope } from '@lapel/suit';
import { systemClock as clock, systemRandom as random } from '@lapel/transport';
import { udpClient } from '@lapel/transport/coap';
import { deviceClass, makeRelease, vendor } from '../../src/firmware.ts';
import { onBug } from '../../src/flow-parties.ts';
import { norFlash } from '../../src/flash.ts';

const [directory, client] = ['coap-rd-notls', 'coap-client-notls'];
const isHere = spawnSync(client, ['-V'], { stdio: 'ignore' }).error === undefined;
const skip = isHere ? false : `${client} is not here: tools/debian-packages.txt names libcoap3-bin`;
const here = '127.0.0.1';

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, here);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

async function run(...args: readonly string[]): Promise<Buffer> {
  const child = spawn(client, ['-B', '5', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  await once(child, 'close');
  return Buffer.concat(said);
}

/** A device with its first firmware, and an envelope with the second one inside. */
async function makeLamp() {
  const profile = class1({ imagePages: 2 });
  const key = generateSigningKey('P-256');
  const release = (image: Uint8Array, sequence: number) =>
    makeRelease({ image, sequence, version: `1.${sequence}.0`, className: 'lamp', key, uri: '#firmware' });
  const [one, two] = [random.bytes(1_000), random.bytes(2_000)];
  const provision: Provision = {
    ...{ version: trustStoreVersion, device: 'lamp-77', vendor, class: deviceClass('lamp') },
    ...{ deviceKey: encodeSigningKey(key), anchors: [encodeVerificationKey(key.public)] },
    ...{ confirmBy: 'self-test' as const, attempts: 3, deadlineMs: 60_000 },
  };
  const flash = norFlash({ geometry: profile.layout.geometry });
  manufacture(flash, profile, provision, { envelope: await release(one, 1), image: one });
  const second = readEnvelope(await release(two, 2), profile.limits);
  return { flash, profile, envelope: writeEnvelope({ ...second, payloads: new Map([['#firmware', two]]) }) };
}

test(
  "S3-07: libcoap's directory and client register, push, update and read a device",
  { skip },
  async (t) => {
    const { flash, profile, envelope } = await makeLamp();
    const folder = await mkdtemp(join(tmpdir(), 'lapel-interop-lwm2m-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'lamp.suit');
    await writeFile(file, envelope);
    const port = await freePort();
    const rd = spawn(directory, ['-A', here, '-p', String(port)], { stdio: 'ignore' });
    t.after(() => rd.kill());
    const off = new AbortController();
    const sockets: { readonly port: number; close(): Promise<void> }[] = [];
    const steps: (RegistrationStep | 'restarted')[] = [];
    const life = live(
      {
        ...{ flash, profile, clock, random, pollMs: 100, network: () => undefined },
        behaviour: () => 'sound',
        connect(trust, decision) {
          const managed = manageDevice({
            ...{ flash, profile, trust, decision, clock, onBug, network: () => undefined },
            ...{ manufacturer: 'lapel.example', modelNumber: 'lamp', protocols: ['coap'] },
            ...{ base: 'coap://server', reboot: () => undefined },
          });
          const { objects } = managed;
          void udpClient({ host: here, port }).then(async (datagrams) => {
            const own = lwm2mClient({ datagrams, to: datagrams.to, objects, clock, random, onBug });
            sockets.push({ port: datagrams.port, close: own.close });
            const onStep = (step: RegistrationStep) => void steps.push(step);
            const { server } = own;
            const lasting = { endpoint: 'lamp-77', lifetimeSeconds: 60, links: objects.links };
            await stayRegistered({ server, ...lasting, clock, random, onStep }, off.signal);
          });
          return managed.source;
        },
      },
      off.signal,
    );
    t.after(async () => {
      off.abort(new Error('over'));
      await life;
      await Promise.all(sockets.map((socket) => socket.close()));
    });
    const until = async (what: string, isSo: () => Promise<boolean>) => {
      for (const begun = performance.now(); !(await isSo());) {
        assert.ok(performance.now() - begun < 20_000, what);
        await clock.sleep(50);
      }
    };
    await until('registered', async () => steps.includes('registered'));
    assert.match((await run(`coap://${here}:${port}/.well-known/core`)).toString(), /<\/rd\/[^>]+>/);
    rd.kill();
    await once(rd, 'exit');
    const manage = (path: string, ...args: readonly string[]) =>
      run('-p', String(port), ...args, `coap://${here}:${sockets.at(-1)?.port}${path}`);
    const read = async (path: string) => (await manage(path)).toString().trim();
    assert.equal(await read('/3/0/3'), '1.1.0');
    const instance = readTlv(new Uint8Array((await manage('/5/0')).subarray(0, -1)));
    assert.deepEqual(
      instance.map(({ id }) => id),
      [1, 3, 5, 8, 9, 11, 14],
    );
    await manage('/5/0/0', '-m', 'put', '-t', '42', '-b', '256', '-f', file);
    await until('downloaded', async () => (await read('/5/0/3')) === '2');
    await manage('/5/0/2', '-m', 'post');
    await until('restarted', async () => sockets.length === 2);
    await until('updated', async () => (await read('/5/0/5')) === '1');
    assert.equal(await read('/3/0/3'), '1.2.0');
  },
);
