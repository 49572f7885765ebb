import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler, Method, Response, RouteHandler } from '@lapel/transport';
import {
  Problem,
  TransportError,
  bytesBody,
  collect,
  emptyBody,
  readProblem,
  request,
  routes,
} from '@lapel/transport';
import { noBug, text, utf8 } from './bodies.ts';

const saying =
  (words: string): RouteHandler =>
  async (_, parameters) => ({
    status: 'ok',
    body: bytesBody(utf8(`${words} ${JSON.stringify(parameters)}`)),
  });

const handler = routes(
  {
    'GET /': saying('root'),
    'GET /payloads/{digest}': saying('read'),
    'PUT /payloads/{digest}': saying('write'),
    'GET /payloads/newest': saying('newest'),
    'GET /latest/{vendor}/{class}': saying('latest'),
  },
  { onBug: noBug },
);

const ask = (method: Method, path: string, of: Handler = handler): Promise<Response> =>
  of(request(method, path));
const words = async (response: Response) => text(await collect(response.body, 1000));

test('the route is found by method and path, and its parameters are handed over', async () => {
  assert.equal(await words(await ask('GET', '/')), 'root {}');
  assert.equal(await words(await ask('GET', '/payloads/ab')), 'read {"digest":"ab"}');
  assert.equal(await words(await ask('PUT', '/payloads/ab')), 'write {"digest":"ab"}');
  assert.equal(await words(await ask('GET', '/payloads/newest')), 'newest {}');
  assert.equal(await words(await ask('GET', '/latest/acme/lamp')), 'latest {"vendor":"acme","class":"lamp"}');
});

test('a path without a route is not found, however close it comes', async () => {
  for (const path of [
    '/payloads',
    '/payloads/',
    '/payloads/ab/cd',
    '/Payloads/ab',
    '/x',
    '/__proto__',
    '//',
  ]) {
    const response = await ask('GET', path);
    assert.equal(response.status, 'not-found', path);
    assert.equal((await readProblem(response)).code, 'not-found');
  }
});

test('RFC 9110 §15.5.6: a method without a route is answered with the methods that there are', async () => {
  const response = await ask('DELETE', '/payloads/ab');
  assert.equal(response.status, 'method-not-allowed');
  assert.deepEqual(response.headers, { allow: 'GET, PUT' });
  const problem = await readProblem(response);
  assert.equal(problem.detail, 'expected GET, PUT, found DELETE');
});

test('§8: a thrown Problem is its answer', async () => {
  const failing = routes(
    { 'GET /x': () => Promise.reject(new Problem('storage-full', 'expected room, found none')) },
    { onBug: noBug },
  );
  const response = await ask('GET', '/x', failing);
  assert.equal(response.status, 'storage-full');
  assert.equal((await readProblem(response)).detail, 'expected room, found none');
});

test('§8: any other error is given to onBug and answered without its words', async () => {
  const bugs: unknown[] = [];
  const bug = new Error('the password is swordfish');
  const failing = routes({ 'GET /x': () => Promise.reject(bug) }, { onBug: (error) => bugs.push(error) });
  const response = await ask('GET', '/x', failing);
  assert.equal(response.status, 'internal-error');
  assert.doesNotMatch(await words(response), /swordfish/);
  assert.deepEqual(bugs, [bug]);
});

test("§8: the network's failures are no mistake of ours", async () => {
  for (const [kind, status] of [
    ['malformed', 'bad-request'],
    ['unreachable', 'unavailable'],
    ['no-answer', 'unavailable'],
  ] as const) {
    const failing = routes(
      { 'GET /x': () => Promise.reject(new TransportError(kind, kind)) },
      { onBug: noBug },
    );
    assert.equal((await ask('GET', '/x', failing)).status, status);
  }
});

test('a request that its sender gave up is no mistake of ours', async () => {
  const controller = new AbortController();
  const waiting = routes(
    {
      'GET /x': async ({ signal }) => {
        controller.abort();
        signal.throwIfAborted();
        return { status: 'ok', body: emptyBody };
      },
    },
    { onBug: noBug },
  );
  const response = await waiting(request('GET', '/x', { signal: controller.signal }));
  assert.equal(response.status, 'bad-request');
});

test('a table that contradicts itself is refused when it is made', () => {
  const any = saying('any');
  assert.throws(() => routes({ 'FETCH /x': any }, { onBug: noBug }), /expected a route such as/);
  assert.throws(() => routes({ 'GET x': any }, { onBug: noBug }), /expected a route such as/);
  assert.throws(
    () => routes({ 'GET /{a}': any, 'PUT /{b}': any }, { onBug: noBug }),
    /expected the name \{a\}/,
  );
  assert.throws(() => routes({ 'GET /{a}': any, 'GET  /{a}': any }, { onBug: noBug }), TypeError);
});

test('house rule 8: a long path costs one step per segment', async () => {
  const response = await ask('GET', '/a'.repeat(1000));
  assert.equal(response.status, 'not-found');
});
