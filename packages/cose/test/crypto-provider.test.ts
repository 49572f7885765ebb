/** crypto.ts is the only file that a port replaces: with another in its place, all above it works on. */

import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';

const replacement = new URL('element-provider.ts', import.meta.url).href;

// Whoever imports crypto.ts gets the other provider; that one itself gets the file.
registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    const isReplaced = found.url.endsWith('/cose/src/crypto.ts') && context.parentURL !== replacement;
    return isReplaced ? { ...found, url: replacement } : found;
  },
});
const { holds, replaceElement } = await import('./element-provider.ts');
const cose = await import('@lapel/cose');
const { isSignatureOf } = await import('../src/key.ts');
const device = await import('@lapel/device');
const simulator = await import('@lapel/simulator');

const { decodeSigningKey, encodeSigningKey, encodeVerificationKey, generateSigningKey } = cose;

test('S4-116: a device whose private key never leaves its element boots, and signs', async () => {
  const [author, own] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
  const image = simulator.seededRandom(1).bytes(3000);
  const className = 'lamp';
  const envelope = await simulator.makeRelease({
    image,
    sequence: 1,
    version: '1.0.0',
    className,
    key: author,
  });
  const profile = device.class1({ imagePages: 4 });
  const flash = simulator.norFlash({ geometry: profile.layout.geometry });
  const provision = {
    version: device.trustStoreVersion,
    device: 'lamp-1',
    deviceKey: encodeSigningKey(own),
    vendor: simulator.vendor,
    class: simulator.deviceClass(className),
    anchors: [encodeVerificationKey(author.public)],
    confirmBy: 'self-test',
    attempts: 3,
    deadlineMs: 60_000,
  } as const;
  device.manufacture(flash, profile, provision, { envelope, image });
  assert.equal(device.boot(flash, profile).boot, 'slot');

  const key = device.readTrustStore(flash, profile.layout.trustStore)?.deviceKey;
  assert.ok(key !== undefined);
  const said = new TextEncoder().encode('a report');
  assert.ok(isSignatureOf(own.public, said, key.sign(said)));
});

test('S4-116: what is kept of a key in an element is a name, and means nothing to another element', () => {
  const encoded = encodeSigningKey(generateSigningKey('P-256'));
  const name = encoded.subarray(-32);
  assert.ok(!holds(name), 'the private number is not what is kept');
  assert.equal(decodeSigningKey(encoded).use, 'sign');
  const other = encoded.map((byte, at) => (at === encoded.length - 1 ? byte ^ 1 : byte));
  assert.throws(() => decodeSigningKey(other), cose.CoseError, 'the name is the last that is written');
  replaceElement();
  assert.throws(() => decodeSigningKey(encoded), cose.CoseError);
});
