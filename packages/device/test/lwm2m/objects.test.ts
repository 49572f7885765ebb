/** What a server of LwM2M finds: the objects as they are defined, their formats, and who may ask. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { readTlv, results, states, tlvMediaType, writeTlv } from '@lapel/device/lwm2m';
import { seededRandom } from '@lapel/simulator';
import type { Response } from '@lapel/transport';
import { bytesBody, collect } from '@lapel/transport';
import { linkFormat, oscoreContext, readLinks } from '@lapel/transport/coap';
import { flashOf, make } from '../world.ts';
import type { Scene } from './managed.ts';
import { lifetimeSeconds, managed } from './managed.ts';

const made = await make({ imagePages: 16 });
const image = seededRandom(2).bytes(6_003);
const envelope = await made.release(image, 2);
const uri = 'coap://server/manifests/lamp.suit';
const payloadPath = `/payloads/${hex(digest('sha-256', image))}`;
const files = { '/manifests/lamp.suit': envelope, [payloadPath]: image };
const vectors = process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../../shared/vectors');
const missing = existsSync(vectors) ? false : 'the public vectors are not here: set LAPEL_VECTORS';

const idle = (play: (scene: Scene) => Promise<void>) =>
  managed(made, { flash: flashOf(made), files }, async (scene) => {
    await scene.until('idle', 0);
    await play(scene);
  });
const bytesOf = ({ body }: Response) => collect(body, 4096);
const utf8 = (text: string) => new TextEncoder().encode(text);

for (const [object, file] of [
  [5, '5.xml'],
  [3, '3.xml'],
] as const) {
  const name = `S3-07: each resource of object ${object} has the operations that it is defined with`;
  test(name, { skip: missing }, async () => {
    const definition = readFileSync(join(vectors, 'lwm2m', file), 'utf8');
    const items = [...definition.matchAll(/<Item ID="(\d+)">([\s\S]*?)<\/Item>/g)].map(
      ([, id, item = '']) => ({
        id: Number(id),
        operations: /<Operations>(\w*)</.exec(item)?.[1] ?? '',
        isMandatory: item.includes('<Mandatory>Mandatory<'),
      }),
    );
    assert.ok(items.length > 12);
    await idle(async ({ ask }) => {
      for (const { id, operations, isMandatory } of items) {
        const path = `/${object}/0/${id}`;
        // Nothing that is sent is a value of any resource: what is written is refused for that.
        const body = bytesBody(utf8('nothing'.repeat(40)));
        const [read, written] = [await ask('GET', path), await ask('PUT', path, { body })];
        if (read.status === 'not-found' && written.status === 'not-found') {
          assert.ok(!isMandatory, `expected resource ${id}, found none`);
          continue;
        }
        const isAllowed = ({ status }: Response) => status !== 'method-not-allowed';
        assert.equal(isAllowed(read), operations.includes('R'), `read of ${path}`);
        assert.equal(isAllowed(written), operations.includes('W'), `write of ${path}`);
        // What may be executed depends on the state: see below.
        if (!operations.includes('E')) assert.ok(!isAllowed(await ask('POST', path)), `execution of ${path}`);
      }
    });
  });
}

test('S3-07: states and results have the numbers of the definition', { skip: missing }, () => {
  const definition = readFileSync(join(vectors, 'lwm2m', '5.xml'), 'utf8');
  const ranges = (id: number) =>
    new RegExp(`<Item ID="${id}">[\\s\\S]*?<RangeEnumeration>0\\.\\.(\\d+)<`).exec(definition)?.[1];
  assert.equal(String(Math.max(...Object.values(states))), ranges(3));
  assert.equal(String(Math.max(...Object.values(results))), ranges(5));
});

test('S3-07: whatever is not allowed in a state is refused as such, and changes nothing', async () => {
  const body = () => bytesBody(envelope);
  const all: Readonly<Record<string, (scene: Scene) => Promise<Response>>> = {
    package: ({ ask }) => ask('PUT', '/5/0/0', { body: body() }),
    'package-uri': ({ ask }) => ask('PUT', '/5/0/1', { body: bytesBody(utf8(uri)) }),
    'empty package': ({ ask }) => ask('PUT', '/5/0/0', { body: bytesBody(new Uint8Array(1)) }),
    'empty uri': ({ ask }) => ask('PUT', '/5/0/1'),
    update: ({ ask }) => ask('POST', '/5/0/2'),
    cancel: ({ ask }) => ask('POST', '/5/0/10'),
    state: ({ ask }) => ask('PUT', '/5/0/3', { body: bytesBody(utf8('2')) }),
    result: ({ ask }) => ask('PUT', '/5/0/5', { body: bytesBody(utf8('1')) }),
  };
  const refused = async (scene: Scene, ...names: readonly string[]) => {
    const seen = await scene.seen();
    for (const name of names) {
      const { status } = (await all[name]?.(scene)) ?? assert.fail(name);
      assert.equal(status, 'method-not-allowed', `${name} in ${seen}`);
      assert.equal(await scene.seen(), seen, name);
    }
  };
  let isBusy = true;
  const hooks = { isIdle: async () => !isBusy };
  const opened = Promise.withResolvers<void>();
  const slow = { files, beforeFile: () => opened.promise };
  const stage = { flash: flashOf(made), ...slow, hooks, behaviour: () => 'hangs' as const };
  await managed(made, stage, async (scene) => {
    const { until, execute, put } = scene;
    await until('idle', 0);
    await refused(scene, 'update', 'cancel', 'state', 'result');
    await put('/5/0/1', uri);
    await refused(scene, 'package', 'package-uri', 'update', 'state', 'result');
    opened.resolve();
    await until('downloaded', 0);
    await refused(scene, 'package', 'package-uri', 'state', 'result');
    await execute('/5/0/2');
    await until('downloaded', 11);
    await refused(scene, 'package', 'package-uri', 'state', 'result');
    isBusy = false;
    await until('updating', 0);
    // On trial, in a self-test that does not end.
    await scene.waits(5_000);
    await refused(scene, ...Object.keys(all));
  });
});

test('S3-07: a null package, or an empty URI, takes the machine back to its beginning', async () => {
  for (const [path, content] of [
    ['/5/0/0', new Uint8Array(1)],
    ['/5/0/0', new Uint8Array(0)],
    ['/5/0/1', ''],
  ] as const) {
    const stage = { flash: flashOf(made), files: files };
    await managed(made, stage, async ({ put, until, seen, read }) => {
      await until('idle', 0);
      await put('/5/0/1', uri);
      await until('downloaded', 0);
      assert.equal(await put(path, content), 'changed');
      assert.equal(await seen(), '0 0');
      assert.equal(await read('/5/0/1'), '');
      await put('/5/0/1', uri);
      await until('downloaded', 0);
    });
  }
});

test('S3-07: with Automatic Upgrade at Download, nobody needs to say Update', async () => {
  const stage = { flash: flashOf(made), files: files };
  await managed(made, stage, async ({ put, until }) => {
    await until('idle', 0);
    assert.equal(await put('/5/0/14', '1'), 'changed');
    await put('/5/0/1', uri);
    await until('idle', 1);
  });
});

test('S3-07: a server that observes state and result is told of each, through to the restart', async () => {
  const stage = { flash: flashOf(made), files: files };
  await managed(made, stage, async ({ put, until, execute, observe }) => {
    await until('idle', 0);
    const over = new AbortController();
    const told: string[] = [];
    const watching = (async () => {
      for await (const state of observe('/5/0/3', over.signal)) told.push(state);
    })().catch((error: unknown) => error);
    await put('/5/0/1', uri);
    await until('downloaded', 0);
    await execute('/5/0/2');
    await until('idle', 1);
    over.abort(new Error('seen enough'));
    await watching;
    assert.deepEqual(told.slice(0, 3), ['0', '1', '2']);
  });
});

test('S3-07: an instance is read, and written, as TLV; what is one value as text, too', async () => {
  await idle(async ({ ask, read, put }) => {
    assert.equal(await put('/5/0/13', '-1'), 'bad-request');
    const accept = { headers: { accept: tlvMediaType } };
    const links = await bytesOf(await ask('GET', '/5/0', { headers: { accept: linkFormat } }));
    const found = readLinks(new TextDecoder().decode(links)).map(({ target }) => target.slice(5));
    assert.deepEqual(found, ['', ...[0, 1, 2, 3, 5, 8, 9, 10, 11, 14].map(String)]);
    const instance = readTlv(await bytesOf(await ask('GET', '/5/0')));
    const has = instance.map(({ id }) => id);
    assert.deepEqual(has, [1, 3, 5, 8, 9, 11, 14]);
    assert.deepEqual(readTlv(await bytesOf(await ask('GET', '/5/0/3', accept))), [
      { kind: 'resource', id: 3, value: new Uint8Array([0]) },
    ]);
    const [protocols] = readTlv(await bytesOf(await ask('GET', '/5/0/8')));
    assert.deepEqual(
      readTlv(protocols?.value ?? new Uint8Array()).map(({ value }) => [...value]),
      [[0], [2]],
    );
    const headers = { 'content-type': tlvMediaType };
    const write = (path: string, entries: Parameters<typeof writeTlv>[0]) =>
      ask('PUT', path, { headers, body: bytesBody(writeTlv(entries)) });
    const severity = { kind: 'resource', id: 11, value: new Uint8Array([2]) } as const;
    const defer = { kind: 'resource', id: 13, value: new Uint8Array([0, 1, 0x51, 0x80]) } as const;
    assert.equal((await write('/5/0', [severity, defer])).status, 'changed');
    assert.deepEqual([await read('/5/0/11'), await read('/5/0/13')], ['2', '86400']);
    const around = {
      kind: 'instance',
      id: 0,
      value: writeTlv([{ ...defer, value: new Uint8Array([60]) }]),
    } as const;
    assert.equal((await write('/5/0', [around])).status, 'changed');
    assert.equal(await read('/5/0/13'), '60');
    const state = { kind: 'resource', id: 3, value: new Uint8Array([2]) } as const;
    assert.equal(
      (await write('/5/0', [{ ...severity, value: new Uint8Array([0]) }, state])).status,
      notAllowed,
    );
    assert.equal(await read('/5/0/11'), '2');
    const named = { kind: 'resource', id: 1, value: utf8('ftp://x/y') } as const;
    assert.equal((await write('/5/0/1', [named])).status, 'changed');
    assert.equal(await read('/5/0/5'), '9');
  });
});

const notAllowed = 'method-not-allowed';

test('S3-07: a package that comes as TLV is taken as it comes; cut short, it is none', async () => {
  const stage = { flash: flashOf(made), files: files };
  await managed(made, stage, async ({ ask, until, execute }) => {
    await until('idle', 0);
    const headers = { 'content-type': tlvMediaType };
    const tlv = writeTlv([{ kind: 'resource', id: 0, value: envelope }]);
    const push = async (bytes: Uint8Array) =>
      (await ask('PUT', '/5/0/0', { headers, body: bytesBody(bytes) })).status;
    for (const bad of [tlv.subarray(0, -1), tlv.subarray(0, 2), Uint8Array.of(...tlv, 1)]) {
      assert.equal(await push(bad), 'bad-request');
      await execute('/5/0/10');
    }
    assert.equal(await push(tlv), 'changed');
    await until('downloaded', 0);
    // An empty resource resets, in this format too.
    assert.equal(await push(writeTlv([{ kind: 'resource', id: 0, value: new Uint8Array() }])), 'changed');
    await until('idle', 0);
  });
});

test('S3-07: it registers with its objects, renews that in time, and says when it goes', async () => {
  let last: Scene | undefined;
  await idle(async (scene) => {
    last = scene;
    await scene.waits(1000);
    assert.match(scene.asked[0] ?? '', /^POST \/rd\?ep=lamp-1&lt=300&lwm2m=1.1&b=U$/);
    const links = '</>;rt="oma.lwm2m";ct=11542,</3>;ver="1.1",</3/0>,</5>;ver="1.2",</5/0>';
    assert.deepEqual([...scene.registrations.values()], [links]);
    await scene.waits(lifetimeSeconds * 1000);
    assert.equal(scene.asked.filter((each) => each === 'POST /rd/1').length, 1);
    // A server that has lost it, as after a restart of its own.
    (scene.registrations as Map<string, string>).clear();
    await scene.waits(lifetimeSeconds * 1000);
    assert.deepEqual([...scene.registrations.keys()], ['/rd/2']);
  });
  assert.ok(last?.asked.includes('DELETE /rd/2'));
});

test('S3-07: nobody but its server is heard', async () => {
  await idle(async ({ askAsStranger, seen }) => {
    await assert.rejects(askAsStranger('/5/0/3', new AbortController().signal), { kind: 'no-answer' });
    assert.equal(await seen(), '0 0');
  });
});

test('S3-07: under OSCORE registration and management both are sealed with one secret', async () => {
  const secret = { masterSecret: utf8('sixteen bytes ok'), masterSalt: utf8('salt') };
  const [lamp, house] = [utf8('lamp'), utf8('h')];
  let taken = [0, 0];
  const store = (at: number) => ({
    take: async (count: number) => {
      const first = taken[at] ?? 0;
      taken = taken.with(at, first + count);
      return first;
    },
  });
  const oscore = {
    device: oscoreContext({ ...secret, senderId: lamp, recipientId: house, store: store(0) }),
    server: oscoreContext({ ...secret, senderId: house, recipientId: lamp, store: store(1) }),
  };
  const stage = { flash: flashOf(made), files: files, oscore };
  await managed(made, stage, async ({ put, until, execute, registrations }) => {
    await until('idle', 0);
    assert.equal(await put('/5/0/0', envelope), 'changed');
    await until('downloaded', 0);
    await execute('/5/0/2');
    await until('idle', 1);
    assert.ok(registrations.size > 0);
  });
});
