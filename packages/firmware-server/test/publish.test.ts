import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { generateSigningKey } from '@lapel/cose';
import type { Handler } from '@lapel/transport';
import { Problem, bearer, request, serveHttp } from '@lapel/transport';
import { pattern, sha256, utf8 } from './blobs-suite.ts';
import { author, forge, lamp, lock } from './forge.ts';
import { assertProblem, bytesOf, folderOf, open, post, serving, unexpected, upload } from './serving.ts';

const image = pattern(10_000);
const imageDigest = sha256(image);

test('REQ.SEC.MFST.CHECK: a manifest that no configured author vouches for is refused', async (context) => {
  const { ask, server } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes } = forge({ sequenceNumber: 1, image, key: generateSigningKey('P-256') });
  await assertProblem(await post(ask, bytes), 'unprocessable', /^envelope refused, unauthorised: /);
  assert.deepEqual(server.catalog.all(), []);
});

test('S4-02: one flipped bit anywhere in an envelope, and it is not published', async (context) => {
  const { ask, server } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes } = forge({ sequenceNumber: 1, image });
  for (let at = 0; at < bytes.length; at += 3) {
    const flipped = bytes.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    const response = await post(ask, flipped);
    assert.equal(response.status, 'unprocessable', `bit ${at % 8} of byte ${at}`);
    await bytesOf(response);
  }
  assert.deepEqual(server.catalog.all(), []);
  assert.equal((await post(ask, bytes)).status, 'created');
});

test('a truncated envelope is refused, wherever it was cut', async (context) => {
  const { ask, server } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes } = forge({ sequenceNumber: 1, image });
  for (let length = 0; length < bytes.length; length += 7) {
    await assertProblem(await post(ask, bytes.slice(0, length)), 'unprocessable', /cbor-parse/);
  }
  assert.deepEqual(server.catalog.all(), []);
});

test('an upload whose connection breaks off leaves nothing, and the server goes on', async (context) => {
  const server = await open(await folderOf(context));
  const handler = bearer(server.handler, () => ({ id: 'author-1', roles: ['author'] }));
  const answered = Promise.withResolvers<void>();
  const watched: Handler = async (asked) => {
    const response = await handler(asked);
    answered.resolve();
    return response;
  };
  const http = await serveHttp(watched, { port: 0, onBug: unexpected });
  context.after(() => http.close(0));
  const socket = connect(http.port, '127.0.0.1', () => {
    socket.write(`PUT /payloads/${imageDigest} HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n`);
    socket.write('authorization: Bearer x\r\n\r\n');
    socket.end(image.subarray(0, 5000));
  });
  await answered.promise;
  assert.equal(await server.blobs.sizeOf(imageDigest), undefined);
  const response = await server.handler(request('GET', '/capabilities'));
  assert.equal(response.status, 'ok');
});

test('X-36: who publishes or releases is noted first; what can’t be is not done', async (context) => {
  const noted: string[] = [];
  let isFull = false;
  const { ask, server } = await serving(context, {
    async note({ act, by, content }) {
      if (isFull) throw new Problem('storage-full', 'expected room for the audit, found none');
      const known = server.catalog.find(content.digest);
      noted.push(`${act} by ${by}, sequence number ${content.sequenceNumber}`);
      assert.equal(known?.released, undefined, 'it comes first');
      assert.equal(known === undefined, act === 'manifest published');
    },
  });
  await upload(ask, imageDigest, image);
  const { bytes, digest } = forge({ sequenceNumber: 1, image });
  const release = async () => ask('operator', 'POST', `/releases/${digest}`);
  isFull = true;
  await assertProblem(await post(ask, bytes), 'storage-full', /the audit/);
  assert.deepEqual(server.catalog.all(), []);
  isFull = false;
  assert.equal((await post(ask, bytes)).status, 'created');
  isFull = true;
  await assertProblem(await release(), 'storage-full', /the audit/);
  assert.equal(server.catalog.find(digest)?.released, undefined);
  isFull = false;
  assert.equal((await release()).status, 'ok');
  assert.equal((await release()).status, 'ok');
  assert.deepEqual(noted, [
    'manifest published by author-1, sequence number 1',
    'manifest released by operator-1, sequence number 1',
  ]);
});

test('the same manifest again is a conflict that names it', async (context) => {
  const { ask, server } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes, digest } = forge({ sequenceNumber: 1, image });
  assert.equal((await post(ask, bytes)).status, 'created');
  const again = await post(ask, bytes);
  assert.equal(again.status, 'conflict');
  await assertProblem(again, 'already-published', new RegExp(digest));
  // Signed anew it is another envelope, and still the same manifest.
  await assertProblem(await post(ask, forge({ sequenceNumber: 1, image }).bytes), 'already-published');
  assert.equal(server.catalog.all().length, 1);
});

test('the same manifest from many authors at once is published once', async (context) => {
  const { ask, server } = await serving(context);
  await upload(ask, imageDigest, image);
  const { bytes } = forge({ sequenceNumber: 1, image });
  const responses = await Promise.all(Array.from({ length: 8 }, () => post(ask, bytes)));
  const statuses = responses.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [...Array.from({ length: 7 }, () => 'conflict'), 'created']);
  assert.equal(server.catalog.all().length, 1);
});

test('S4-94: a sequence number must be above every one published for the same devices', async (context) => {
  const { ask } = await serving(context);
  await upload(ask, imageDigest, image);
  assert.equal((await post(ask, forge({ sequenceNumber: 5, image }).bytes)).status, 'created');
  for (const sequenceNumber of [1, 4, 5]) {
    const response = await post(ask, forge({ sequenceNumber, image, version: 'other' }).bytes);
    const found = new RegExp(`^expected a sequence number above 5, found ${sequenceNumber};`);
    await assertProblem(response, 'sequence-not-higher', found);
  }
  assert.equal((await post(ask, forge({ sequenceNumber: 6, image }).bytes)).status, 'created');
  // Another class, or another component of the same class, counts for itself.
  assert.equal((await post(ask, forge({ sequenceNumber: 1, image, class: lock }).bytes)).status, 'created');
  const radio = forge({ sequenceNumber: 1, image, class: lamp, component: 'radio' });
  assert.equal((await post(ask, radio.bytes)).status, 'created');
});

test('REQ.SEC.MFST.CHECK: a payload to be fetched here must be here, in its stated size', async (context) => {
  const { ask } = await serving(context);
  const { bytes } = forge({ sequenceNumber: 1, image });
  await assertProblem(
    await post(ask, bytes),
    'unprocessable',
    new RegExp(`payload ${imageDigest} to be uploaded`),
  );
  await upload(ask, imageDigest, image);
  const wrong = forge({ sequenceNumber: 1, image, statedSizeBytes: 9_999 });
  await assertProblem(await post(ask, wrong.bytes), 'unprocessable', /of 9999 bytes, found 10000 bytes/);
  assert.equal((await post(ask, bytes)).status, 'created');
});

test('S4-134: a payload may be on another server or in the envelope, but nowhere else', async (context) => {
  const { ask, server } = await serving(context);
  const integrated = new Map([['#app', image]]);
  const accepted = [
    forge({ sequenceNumber: 1, image, uri: 'https://cdn.example/app.bin' }),
    forge({ sequenceNumber: 2, image, uri: 'coap://[2001:db8::1]/app' }),
    forge({ sequenceNumber: 3, image, uri: '#app', integrated }),
  ];
  for (const { bytes } of accepted) assert.equal((await post(ask, bytes)).status, 'created');
  for (const uri of [
    '#app',
    'app.bin',
    '../payloads/app',
    '/payloads/x',
    `../payloads/${imageDigest.toUpperCase()}`,
    '',
  ]) {
    const response = await post(ask, forge({ sequenceNumber: 9, image, uri }).bytes);
    await assertProblem(response, 'unprocessable', /^expected (an absolute URI|the integrated payload)/);
  }
  assert.equal(server.catalog.all().length, 3);
});

test('X-19: what the linter calls an error is not published, and the refusal says why', async (context) => {
  const { ask, server } = await serving(context);
  for (const [uri, found] of [
    [
      'http://169.254.169.254/latest/app.bin',
      'uri-host at install, byte 1, .*found 169\\.254\\.169\\.254 .*; use the',
    ],
    ['file:///app.bin', 'uri-scheme at install, byte 1, .*found "file:///app\\.bin" .*; use coap'],
  ] as const) {
    const { bytes } = forge({ sequenceNumber: 1, image, uri });
    await assertProblem(await post(ask, bytes), 'unprocessable', new RegExp(`^${found}`));
  }
  assert.equal(server.catalog.all().length, 0);
  // What it only warns of, is the author's to decide.
  const { bytes } = forge({ sequenceNumber: 1, image, uri: 'https://me:word@cdn.example/app.bin' });
  assert.equal((await post(ask, bytes)).status, 'created');
});

test('a manifest whose install sequence was cut off is refused', async (context) => {
  const { ask } = await serving(context);
  const { bytes } = forge({ sequenceNumber: 1, image, severed: true });
  await assertProblem(
    await post(ask, bytes),
    'unprocessable',
    /^expected all sequences .*, found install severed$/,
  );
});

test('house rule 8: an envelope beyond the limit is refused before it is read', async (context) => {
  const { ask } = await serving(context, {
    limits: {
      manifest: { envelopeBytes: 500, components: 1, nestingDepth: 4, commands: 256, contentBytes: 256 },
    },
  });
  const integrated = new Map([['#app', image]]);
  const { bytes } = forge({ sequenceNumber: 1, image, uri: '#app', integrated });
  await assertProblem(await post(ask, bytes), 'too-large', /at most 500 bytes/);
});

test('house rule 8: the catalog has a limit, and says so', async (context) => {
  const { ask } = await serving(context, { limits: { published: 1 } });
  await upload(ask, imageDigest, image);
  await post(ask, forge({ sequenceNumber: 1, image }).bytes);
  await assertProblem(
    await post(ask, forge({ sequenceNumber: 2, image }).bytes),
    'storage-full',
    /at most 1 releases/,
  );
});

test('a storage that is full when the envelope comes leaves the catalog as it was', async (context) => {
  const { ask, server } = await serving(context, { limits: { storageBytes: image.length + 100 } });
  await upload(ask, imageDigest, image);
  await assertProblem(await post(ask, forge({ sequenceNumber: 1, image }).bytes), 'storage-full');
  assert.deepEqual(server.catalog.all(), []);
});

test('several keys may be trusted, of any kind that is spoken here', async (context) => {
  const edwards = generateSigningKey('Ed25519');
  const trustAnchors = [{ key: author.public }, { key: edwards.public }];
  const { ask } = await serving(context, { trustAnchors });
  const key = edwards;
  await upload(ask, sha256(utf8('lamp')), utf8('lamp'));
  assert.equal(
    (await post(ask, forge({ sequenceNumber: 1, image: utf8('lamp'), key }).bytes)).status,
    'created',
  );
  assert.equal((await post(ask, forge({ sequenceNumber: 2, image: utf8('lamp') }).bytes)).status, 'created');
});
