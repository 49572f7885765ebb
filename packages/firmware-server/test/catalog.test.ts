import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { FirmwareServer } from '@lapel/firmware-server';
import { bytesBody, readProblem, request } from '@lapel/transport';
import { pattern, sha256 } from './blobs-suite.ts';
import { forge } from './forge.ts';
import { folderOf, open } from './serving.ts';

const image = pattern(10_000);

/** As an author and an operator in one, without a network between. */
async function act(
  server: FirmwareServer,
  method: 'PUT' | 'POST',
  path: string,
  bytes: Uint8Array = new Uint8Array(0),
) {
  const peer = { id: 'all-1', roles: ['author', 'operator'] };
  const response = await server.handler(request(method, path, { peer, body: bytesBody(bytes) }));
  assert.match(response.status, /^(ok|created)$/);
}

/** Three published, of which the second is released. */
async function filled(folder: string): Promise<readonly string[]> {
  const server = await open(folder);
  await act(server, 'PUT', `/payloads/${sha256(image)}`, image);
  const digests: string[] = [];
  for (const sequenceNumber of [1, 2, 3]) {
    const { bytes, digest } = forge({ sequenceNumber, image, version: `${sequenceNumber}.0.0` });
    await act(server, 'POST', '/manifests', bytes);
    digests.push(digest);
  }
  await act(server, 'POST', `/releases/${digests[1]}`);
  return digests;
}

test('§6: the catalog is made again from the files, the same as it was', async (context) => {
  const folder = await folderOf(context);
  const digests = await filled(folder);
  const server = await open(folder);
  const releases = server.catalog.all();
  assert.deepEqual(
    releases.map(({ digest, version, released }) => [digest, version, released?.by]),
    [
      [digests[0], '1.0.0', undefined],
      [digests[1], '2.0.0', 'all-1'],
      [digests[2], '3.0.0', undefined],
    ],
  );
  const again = await open(folder);
  assert.deepEqual(again.catalog.all(), releases);
  const [release] = releases;
  assert.ok(release);
  const newest = again.catalog.newest(release.vendors[0] ?? '', release.classes[0] ?? '');
  assert.equal(newest?.digest, digests[1]);
  assert.equal(again.catalog.highestFor(release), 3);
});

test('§6: servers that share a folder see what each other publish and release', async (context) => {
  const folder = await folderOf(context);
  const [one, two] = [await open(folder, { isShared: true }), await open(folder, { isShared: true })];
  await act(one, 'PUT', `/payloads/${sha256(image)}`, image);
  const [first, second] = [1, 2].map((sequenceNumber) => forge({ sequenceNumber, image }));
  assert.ok(first !== undefined && second !== undefined);
  await act(one, 'POST', '/manifests', second.bytes);
  // The other one knows of the higher number before it has looked by itself.
  const peer = { id: 'all-1', roles: ['author', 'operator'] };
  const late = await two.handler(request('POST', '/manifests', { peer, body: bytesBody(first.bytes) }));
  assert.equal((await readProblem(late)).code, 'sequence-not-higher');
  await act(two, 'POST', `/releases/${second.digest}`);
  assert.equal(one.catalog.find(second.digest)?.released, undefined);
  await one.catalog.readOthers();
  assert.equal(one.catalog.find(second.digest)?.released?.by, 'all-1');
  const { vendors, classes } = one.catalog.find(second.digest) ?? { vendors: [], classes: [] };
  assert.equal(one.catalog.newest(vendors[0] ?? '', classes[0] ?? '')?.digest, second.digest);
});

test('§6: what another server is writing into a shared folder is not swept away', async (context) => {
  const folder = await folderOf(context);
  await open(folder);
  const partial = join(folder, 'published', 'of-another.partial');
  await writeFile(partial, 'half of a');
  await open(folder, { isShared: true });
  assert.equal(await readFile(partial, 'utf8'), 'half of a');
  await open(folder);
  await assert.rejects(readFile(partial), { code: 'ENOENT' });
});

test('releasing twice is the same as once, and the first act stands', async (context) => {
  const folder = await folderOf(context);
  const digests = await filled(folder);
  const server = await open(folder);
  const before = server.catalog.find(digests[1] ?? '');
  await act(server, 'POST', `/releases/${digests[1]}`);
  assert.deepEqual(server.catalog.find(digests[1] ?? ''), before);
});

test('an author whose key is taken away is not served any more', async (context) => {
  const folder = await folderOf(context);
  const digests = await filled(folder);
  const refused = new Map<string, string>();
  const trustAnchors = [{ key: generateSigningKey('P-256').public }];
  const server = await open(folder, { trustAnchors, onRefused: (digest, why) => refused.set(digest, why) });
  assert.deepEqual(server.catalog.all(), []);
  assert.deepEqual([...refused.keys()].sort(), [...digests].sort());
  for (const why of refused.values()) assert.match(why, /^unauthorised: /);
});

test('a damaged, missing or foreign file is told of, and does not keep the others away', async (context) => {
  const folder = await folderOf(context);
  const [first, second, third] = await filled(folder);
  assert.ok(first && second && third);
  const envelopeOf = async (digest: string) => {
    const marker: unknown = JSON.parse(await readFile(join(folder, 'published', digest), 'utf8'));
    assert.ok(typeof marker === 'object' && marker !== null && 'envelope' in marker);
    const envelope = String(marker.envelope);
    return join(folder, 'blobs', 'sha256', envelope.slice(0, 2), envelope.slice(2));
  };
  const damaged = await readFile(await envelopeOf(first));
  damaged[damaged.length - 10] = (damaged[damaged.length - 10] ?? 0) ^ 1;
  await writeFile(await envelopeOf(first), damaged);
  await rm(await envelopeOf(third));
  const foreign = sha256(pattern(1));
  await writeFile(join(folder, 'published', foreign), 'no marker');
  const swapped = sha256(pattern(2));
  await writeFile(join(folder, 'published', swapped), await readFile(join(folder, 'published', second)));
  await writeFile(join(folder, 'published', 'README'), 'not a digest');
  await writeFile(join(folder, 'published', 'ab.partial'), '{');

  const refused = new Map<string, string>();
  const server = await open(folder, { onRefused: (digest, why) => refused.set(digest, why) });
  assert.deepEqual(
    server.catalog.all().map(({ digest }) => digest),
    [second],
  );
  assert.match(refused.get(first) ?? '', /^(unauthorised|cbor-parse|severing-unsupported): /);
  assert.match(refused.get(third) ?? '', /^expected the envelope [0-9a-f]{64}, found no such blob$/);
  assert.match(refused.get(foreign) ?? '', /^expected a marker that names an envelope/);
  assert.match(refused.get(swapped) ?? '', /^expected a manifest with this digest, found /);
  assert.equal(refused.size, 4);
  assert.ok(!(await readdir(join(folder, 'published'))).includes('ab.partial'));
});

test('S0-01: a server killed at any moment has all that it had answered', async (context) => {
  for (const answers of [1, 4, 7]) {
    const folder = await folderOf(context);
    const said = await untilKilled(folder, answers);
    const [key = '', ...lines] = said;
    const trustAnchors = [{ key: decodeVerificationKey(Buffer.from(key, 'hex')) }];
    const { catalog } = await open(folder, { trustAnchors });
    assert.ok(lines.length >= answers);
    for (const line of lines) {
      const [what, digest = ''] = line.split(' ');
      const release = catalog.find(digest);
      assert.ok(release, `expected ${line} to have lasted, found no trace of it`);
      if (what === 'released') assert.equal(release.released?.by, 'all-1');
    }
    // At most the one that was under way is there beyond what was answered.
    assert.ok(catalog.all().length <= lines.filter((line) => line.startsWith('published')).length + 1);
  }
});

/** What a process that publishes all the time says until it is killed, after so many answers. */
async function untilKilled(folder: string, answers: number): Promise<readonly string[]> {
  const program = join(import.meta.dirname, 'publishing-until-killed.ts');
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.split('\n').length > answers + 1) child.kill('SIGKILL');
  }
  await exited;
  // A line without its end may have been cut.
  return said.split('\n').slice(0, -1);
}
