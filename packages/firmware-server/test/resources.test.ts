import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { envelopeMediaType } from '@lapel/firmware-server';
import { bytesBody, discard } from '@lapel/transport';
import { inChunks, pattern, sha256, utf8 } from './blobs-suite.ts';
import { author, forge, hex, lamp, lock, vendor } from './forge.ts';
import type { Role } from './serving.ts';
import { assertProblem, bytesOf, jsonOf, post, serving, upload } from './serving.ts';

const image = pattern(300_000);
const imageDigest = sha256(image);

test('S4-21: a payload that an author puts, anybody gets, whole and unchanged', async (context) => {
  const { ask } = await serving(context);
  const first = await upload(ask, imageDigest, image);
  assert.equal(first.status, 'created');
  assert.deepEqual(await jsonOf(first), { digest: imageDigest, size: image.length });
  assert.equal((await upload(ask, imageDigest, image)).status, 'ok');
  const response = await ask('nobody', 'GET', `/payloads/${imageDigest}`);
  assert.equal(response.status, 'ok');
  assert.equal(response.etag, imageDigest);
  assert.equal(response.size, image.length);
  assert.equal(response.headers?.['cache-control'], 'public, max-age=31536000, immutable');
  assert.deepEqual(await bytesOf(response), image);
});

test('S0-09: an image is opaque: random bytes, text and nothing are carried unchanged', async (context) => {
  const { ask } = await serving(context);
  for (const bytes of [new Uint8Array(0), utf8(':00000001FF\n'), new Uint8Array(randomBytes(65_536))]) {
    await upload(ask, sha256(bytes), bytes);
    const response = await ask('device', 'GET', `/payloads/${sha256(bytes)}`);
    assert.deepEqual(await bytesOf(response), bytes);
  }
});

test('S0-03: a download that broke off goes on from there', async (context) => {
  const { ask } = await serving(context);
  await upload(ask, imageDigest, image);
  const path = `/payloads/${imageDigest}`;
  const rest = await ask('device', 'GET', path, { range: { start: 100_000 } });
  assert.equal(rest.status, 'partial');
  assert.deepEqual(rest.range, { start: 100_000, total: image.length });
  assert.deepEqual(await bytesOf(rest), image.slice(100_000));
  const block = await ask('device', 'GET', path, { range: { start: 1024, end: 2047 } });
  assert.deepEqual(await bytesOf(block), image.slice(1024, 2048));
  const beyond = await ask('device', 'GET', path, { range: { start: image.length } });
  assert.equal(beyond.headers?.['content-range'], `bytes */${image.length}`);
  await assertProblem(
    beyond,
    'range-not-satisfiable',
    /^expected a range within 300000 bytes, found one from 300000$/,
  );
  const other = await ask('device', 'GET', path, { range: { start: 5 }, headers: { 'if-range': '"other"' } });
  assert.equal(other.status, 'ok', 'RFC 9110 §13.1.5: a part of something else is not wanted');
  await discard(other.body);
});

test('RFC 9110 §13.1.2: who has the payload is not sent it again', async (context) => {
  const { ask } = await serving(context);
  const path = `/payloads/${imageDigest}`;
  await assertProblem(await ask('device', 'GET', path, { ifNoneMatch: imageDigest }), 'not-found');
  await upload(ask, imageDigest, image);
  const response = await ask('device', 'GET', path, { ifNoneMatch: imageDigest });
  assert.equal(response.status, 'valid');
  assert.equal(response.etag, imageDigest);
});

test('a payload under a digest that is not its own is refused', async (context) => {
  const { ask } = await serving(context);
  await assertProblem(
    await upload(ask, imageDigest, utf8('else')),
    'unprocessable',
    /^expected content with the digest/,
  );
  await assertProblem(await ask('device', 'GET', `/payloads/${imageDigest}`), 'not-found');
  await assertProblem(await upload(ask, 'lamp', utf8('lamp')), 'bad-request', /SHA-256/);
});

test('house rule 8: a payload beyond the limit is refused, declared or not', async (context) => {
  const { ask, server } = await serving(context, { limits: { payloadBytes: 1000 } });
  await assertProblem(
    await upload(ask, sha256(pattern(1001)), pattern(1001)),
    'too-large',
    /at most 1000 bytes, found 1001/,
  );
  const streamed = { body: inChunks(pattern(5000), 100) };
  const response = await ask('author', 'PUT', `/payloads/${sha256(pattern(5000))}`, streamed);
  await assertProblem(response, 'too-large', /found more/);
  assert.equal(await server.blobs.sizeOf(sha256(pattern(5000))), undefined);
});

test('a full storage is told of, and what is there is still served', async (context) => {
  const { ask } = await serving(context, { limits: { storageBytes: 1000 } });
  await upload(ask, sha256(utf8('lamp')), utf8('lamp'));
  await assertProblem(await upload(ask, imageDigest, image), 'storage-full');
  assert.deepEqual(
    await bytesOf(await ask('device', 'GET', `/payloads/${sha256(utf8('lamp'))}`)),
    utf8('lamp'),
  );
});

test('RFC 9019 §3: an author publishes, an operator releases, neither can do the other', async (context) => {
  const { ask } = await serving(context);
  const { bytes, digest } = forge({ sequenceNumber: 1, image });
  for (const role of ['nobody', 'device', 'viewer', 'operator'] as const) {
    const code = role === 'nobody' ? 'unauthorized' : 'forbidden';
    await assertProblem(await upload(ask, imageDigest, image, role), code);
    await assertProblem(await post(ask, bytes, role), code);
  }
  await upload(ask, imageDigest, image);
  assert.equal((await post(ask, bytes)).status, 'created');
  for (const role of ['nobody', 'device', 'viewer', 'author'] as const) {
    const response = await ask(role, 'POST', `/releases/${digest}`);
    await assertProblem(response, role === 'nobody' ? 'unauthorized' : 'forbidden');
  }
  const released = await ask('operator', 'POST', `/releases/${digest}`);
  assert.equal(released.status, 'ok');
  await bytesOf(released);
  await assertProblem(await ask('operator', 'POST', `/releases/${sha256(utf8('x'))}`), 'not-found');
});

test('RFC 9019 §3: before its release, a manifest is for people only', async (context) => {
  const { ask } = await serving(context);
  const { bytes, digest } = forge({ sequenceNumber: 1, image });
  await upload(ask, imageDigest, image);
  const published = await post(ask, bytes);
  assert.equal(published.headers?.['location'], `/manifests/${digest}`);
  const path = `/manifests/${digest}`;
  const seenBy = async (role: Role) => {
    const response = await ask(role, 'GET', path);
    await discard(response.body);
    return response.status;
  };
  for (const role of ['device', 'nobody'] as const) assert.equal(await seenBy(role), 'not-found');
  for (const role of ['author', 'operator', 'viewer'] as const) assert.equal(await seenBy(role), 'ok');
  await discard((await ask('operator', 'POST', `/releases/${digest}`)).body);
  for (const role of ['device', 'nobody'] as const) assert.equal(await seenBy(role), 'ok');
});

test('S4-130: a device without a tracker asks for the newest release of its class', async (context) => {
  const { ask } = await serving(context);
  await upload(ask, imageDigest, image);
  const latest = `/latest/${hex(vendor)}/${hex(lamp)}`;
  const [one, two, three] = [1, 2, 3].map((sequenceNumber) => forge({ sequenceNumber, image }));
  assert.ok(one && two && three);
  for (const { bytes } of [one, two, three]) await discard((await post(ask, bytes)).body);
  await assertProblem(await ask('device', 'GET', latest), 'not-found');

  const release = async (digest: string) =>
    discard((await ask('operator', 'POST', `/releases/${digest}`)).body);
  await release(two.digest);
  const newest = await ask('device', 'GET', latest);
  assert.equal(newest.etag, two.digest);
  assert.equal(newest.contentType, envelopeMediaType);
  assert.equal(newest.headers?.['content-location'], `../../manifests/${two.digest}`);
  assert.deepEqual(await bytesOf(newest), two.bytes);

  await release(one.digest);
  const unchanged = await ask('device', 'GET', latest, { ifNoneMatch: two.digest });
  assert.equal(unchanged.status, 'valid', 'an older release changes nothing');
  await release(three.digest);
  const changed = await ask('device', 'GET', latest, { ifNoneMatch: two.digest });
  assert.deepEqual(await bytesOf(changed), three.bytes);

  const dashed = hex(lamp)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    .toUpperCase();
  assert.equal(
    (await ask('device', 'GET', `/latest/${hex(vendor)}/${dashed}`, { ifNoneMatch: three.digest })).status,
    'valid',
  );
  await assertProblem(await ask('device', 'GET', `/latest/${hex(vendor)}/${hex(lock)}`), 'not-found');
  await assertProblem(await ask('device', 'GET', '/latest/acme/lamp'), 'bad-request');
});

test('S3-11: of several products with several versions, each has its own newest', async (context) => {
  const { ask } = await serving(context);
  await upload(ask, imageDigest, image);
  const made = [lamp, lock].flatMap((product) =>
    [1, 2].map((sequenceNumber) => forge({ sequenceNumber, image, class: product })),
  );
  for (const { bytes, digest } of made) {
    await discard((await post(ask, bytes)).body);
    await discard((await ask('operator', 'POST', `/releases/${digest}`)).body);
  }
  const newest = [lamp, lock].map(async (product) =>
    bytesOf(await ask('device', 'GET', `/latest/${hex(vendor)}/${hex(product)}`)),
  );
  assert.deepEqual(await Promise.all(newest), [made[1]?.bytes, made[3]?.bytes]);
  for (const { bytes, digest } of made)
    assert.deepEqual(await bytesOf(await ask('device', 'GET', `/manifests/${digest}`)), bytes);
});

test('S4-98: the payload URI of a manifest leads to the payload, wherever it was read', async (context) => {
  const { ask } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes, digest } = forge({ sequenceNumber: 1, image });
  await discard((await post(ask, bytes)).body);
  await discard((await ask('operator', 'POST', `/releases/${digest}`)).body);
  const uri = `../payloads/${imageDigest}`;
  const latest = new URL(`http://server/latest/${hex(vendor)}/${hex(lamp)}`);
  const response = await ask('device', 'GET', latest.pathname);
  await discard(response.body);
  const location = new URL(response.headers?.['content-location'] ?? '', latest);
  assert.equal(location.pathname, `/manifests/${digest}`);
  const payload = await ask('device', 'GET', new URL(uri, location).pathname);
  assert.deepEqual(await bytesOf(payload), image);
});

test('X-36: the list of releases tells what each is, to those who may look', async (context) => {
  const { ask, server } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes, digest } = forge({ sequenceNumber: 7, image, version: '2.0.0' });
  await discard((await post(ask, bytes)).body);
  for (const role of ['nobody', 'device'] as const) {
    await assertProblem(
      await ask(role, 'GET', '/releases'),
      role === 'nobody' ? 'unauthorized' : 'forbidden',
    );
  }
  const [release] = server.catalog.all();
  assert.deepEqual(await jsonOf(await ask('viewer', 'GET', '/releases')), { releases: [release] });
  assert.deepEqual(
    { ...release, published: undefined },
    {
      digest,
      sequenceNumber: 7,
      vendors: [hex(vendor)],
      classes: [hex(lamp)],
      components: [hex(utf8('app'))],
      images: [{ digest: imageDigest, sizeBytes: image.length }],
      payloads: [imageDigest],
      uris: [`../payloads/${imageDigest}`],
      description: 'lamp 2.0.0',
      version: '2.0.0',
      signers: [hex(author.public.kid)],
      envelope: { digest: sha256(bytes), sizeBytes: bytes.length },
      published: undefined,
    },
  );
  assert.equal(release?.published.by, 'author-1');
});

test('S1-21: the server says what it takes', async (context) => {
  const { ask } = await serving(context, { limits: { payloadBytes: 1000 } });
  const capabilities = await jsonOf(await ask('nobody', 'GET', '/capabilities'));
  assert.ok(typeof capabilities === 'object' && capabilities !== null);
  assert.ok('signatureAlgorithms' in capabilities && Array.isArray(capabilities.signatureAlgorithms));
  for (const algorithm of ['ESP256', 'Ed25519'])
    assert.ok(capabilities.signatureAlgorithms.includes(algorithm));
  assert.ok('limits' in capabilities);
  assert.deepEqual(capabilities.limits, {
    envelopeBytes: 16 * 1024 * 1024,
    payloadBytes: 1000,
    components: 128,
  });
});

test('a manifest of another media type is not even read', async (context) => {
  const { ask } = await serving(context);
  const response = await ask('author', 'POST', '/manifests', {
    headers: { 'content-type': 'application/json' },
    body: bytesBody(utf8('{}')),
  });
  await assertProblem(response, 'unsupported-format');
});
