/** Proxies (RFC 7252 §5.7): one asks for another, across CoAP and HTTP, and nobody in a circle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Handler, Request } from '@lapel/transport';
import {
  TransportError,
  bytesBody,
  collect,
  httpClient,
  readProblem,
  request,
  serveHttp,
} from '@lapel/transport';
import type { Content, Option, Proxy } from '@lapel/transport/coap';
import {
  blockServer,
  coapClient,
  mappedFromHttp,
  methodCodes,
  responseCodes,
  serveCoap,
  text as textOption,
  uint,
} from '@lapel/transport/coap';
import { noBug, served, text, utf8 } from '../bodies.ts';
import { waitingClock } from './lossy-link.ts';
import { imageOf, resources } from './resources.ts';

const never = new AbortController().signal;
const nothing: Handler = async () => assert.fail('expected no request for the proxy itself');

/** Answers with what it was asked for. */
function mirror(): { handler: Handler; asked: Request[] } {
  const asked: Request[] = [];
  const handler: Handler = async (given) => {
    asked.push(given);
    return { status: 'ok', etag: 'e1', body: bytesBody(utf8(`${given.method} ${given.path}`)) };
  };
  return { handler, asked };
}

async function asking(options: readonly Option[], proxy: Proxy, own = nothing): Promise<Content> {
  const respond = blockServer(own, { clock: waitingClock(), onBug: noBug, proxy });
  return respond({ code: methodCodes.GET, options, payload: new Uint8Array(0) }, { key: 'c', signal: never });
}

test('RFC 7252 §5.7.2, §5.10.2: the request is for whom its options say, whole or in parts', async () => {
  for (const [options, origin, path] of [
    [[textOption('proxyUri', 'coap://h.example:61616/a/b%20c?x=1')], 'coap://h.example:61616', '/a/b c'],
    [[textOption('proxyUri', 'http://h.example')], 'http://h.example', '/'],
    [
      [textOption('uriHost', 'other'), textOption('proxyUri', 'coap://[2001:DB8::1]/')],
      'coap://[2001:db8::1]',
      '/',
    ],
    // An address has many spellings; whoever decides where a proxy may go sees one of them.
    [[textOption('proxyUri', 'coap://0x7f.1/x')], 'coap://127.0.0.1', '/x'],
    [
      [
        textOption('uriHost', 'h'),
        uint('uriPort', 99),
        textOption('uriPath', 'p'),
        textOption('proxyScheme', 'coap'),
      ],
      'coap://h:99',
      '/p',
    ],
  ] as const) {
    const { handler, asked } = mirror();
    const origins: string[] = [];
    const answer = await asking(options, (given) => {
      origins.push(`${given.protocol}//${given.host}`);
      return handler;
    });
    assert.equal(answer.code, responseCodes.content);
    assert.deepEqual([origins, asked.map((one) => one.path)], [[origin], [path]]);
  }
});

test('RFC 7252 §5.7.2: who is no proxy says so; what names nobody else is served here', async () => {
  const proxied = [textOption('proxyUri', 'coap://h/x')];
  assert.equal((await asking(proxied, () => undefined)).code, responseCodes.proxyingNotSupported);
  const { handler, asked } = mirror();
  const own = [textOption('uriPath', 'p'), textOption('proxyScheme', 'coap')];
  assert.equal(
    (await asking(own, () => assert.fail('expected no origin'), handler)).code,
    responseCodes.content,
  );
  assert.equal(asked[0]?.path, '/p');
});

test('RFC 7252 §5.10.2: a URI that is none, or hides something, is a bad request', async () => {
  for (const uri of [
    'x',
    'coap:',
    'coap://',
    'coap://u:p@h/',
    'coap://h/#f',
    'coap://h/%2fx',
    'coap://h/\u0001x',
  ]) {
    const answer = await asking([textOption('proxyUri', uri)], () => nothing);
    assert.equal(answer.code, responseCodes.badRequest, uri);
  }
  const wrong = [{ number: 35, value: Uint8Array.of(0x63, 0xff) }];
  assert.equal((await asking(wrong, () => nothing)).code, responseCodes.badRequest);
});

test('RFC 7252 §5.7.1, RFC 8768 §3: who gave no answer, or a wrong one; the last hop', async () => {
  const failing = (kind: 'no-answer' | 'malformed' | 'unreachable') => () => async () => {
    throw new TransportError(kind, 'expected an answer, found none');
  };
  const proxied = textOption('proxyUri', 'coap://h/x');
  const codes = await Promise.all(
    (['no-answer', 'malformed', 'unreachable'] as const).map(
      async (kind) => (await asking([proxied], failing(kind))).code,
    ),
  );
  assert.deepEqual(codes, [responseCodes.gatewayTimeout, responseCodes.badGateway, responseCodes.badGateway]);
  const { handler, asked } = mirror();
  assert.equal(
    (await asking([uint('hopLimit', 1), proxied], () => handler)).code,
    responseCodes.hopLimitReached,
  );
  await asking([uint('hopLimit', 7), proxied], () => handler);
  await asking([proxied], () => handler);
  assert.deepEqual(
    asked.map(({ headers }) => headers['hop-limit']),
    ['6', '15'],
  );
});

async function coapServer(context: TestContext, handler: Handler, proxy?: Proxy) {
  const server = await serveCoap(handler, { port: 0, onBug: noBug, ...(proxy && { proxy }) });
  context.after(() => server.close());
  return server;
}

const client = (context: TestContext, ...args: Parameters<typeof coapClient>) => {
  const made = coapClient(...args);
  context.after(() => made.close());
  return made;
};

test('S1-10, S2-17: across a proxy a body arrives whole, from CoAP and from HTTP', async (context) => {
  const { handler, uploads } = resources(new Map([['image', { bytes: imageOf(30_000), etag: 'v1' }]]));
  const coap = await coapServer(context, handler);
  const http = await served(context, handler);
  const proxy = await coapServer(context, nothing, (origin) =>
    origin.protocol === 'coap:' ? client(context, origin) : httpClient(origin.href),
  );
  for (const origin of [coap.url, http.url]) {
    const across = client(context, proxy.url, { origin });
    assert.deepEqual(
      await collect((await across(request('GET', '/ranged/image'))).body, 40_000),
      imageOf(30_000),
    );
    const body = bytesBody(imageOf(5_000));
    assert.equal((await across(request('POST', '/uploads', { body }))).status, 'changed');
    assert.equal((await across(request('GET', '/none'))).status, 'not-found');
  }
  assert.deepEqual(uploads, [imageOf(5_000), imageOf(5_000)]);
});

test('RFC 7252 §5.7, RFC 8768 §3: a circle of two proxies ends', async (context) => {
  const next: Handler[] = [];
  const hops: (string | undefined)[] = [];
  const leadingTo =
    (at: number): Proxy =>
    () =>
    (given) => {
      hops.push(given.headers['hop-limit']);
      return next[at]?.(given) ?? assert.fail('expected a proxy');
    };
  for (const at of [0, 1]) {
    const { url } = await coapServer(context, nothing, leadingTo(1 - at));
    next[at] = client(context, url, { origin: 'coap://nowhere' });
  }
  const answer = await next[0]?.(request('GET', '/x', { headers: { 'hop-limit': '3' } }));
  assert.equal(answer?.status, 'loop-detected');
  assert.deepEqual([hops[0], Math.min(...hops.map(Number))], ['2', 1]);
});

test('RFC 8075 §5.4, §7: HTTP reaches what speaks CoAP, with status, age and tag', async (context) => {
  const coap = await coapServer(context, async (given) => {
    if (given.path !== '/light') return { status: 'forbidden', body: bytesBody(utf8('no')) };
    const headers = { 'cache-control': 'max-age=60' };
    return { status: 'ok', etag: 'aa', contentType: 'text/plain', headers, body: bytesBody(utf8('on')) };
  });
  const mapped = mappedFromHttp((origin) => (origin.port === '1' ? undefined : client(context, origin)));
  const server = await serveHttp(mapped, { port: 0, onBug: noBug });
  context.after(() => server.close(0));
  const http = httpClient(server.url);
  const get = (uri: string, given: Partial<Request> = {}) =>
    http(request('GET', '/hc', { query: new Map([['target_uri', uri]]), ...given }));
  const found = await get(`${coap.url}/light`);
  assert.deepEqual([found.status, found.contentType, found.etag], ['ok', 'text/plain', 'aa']);
  assert.equal(found.headers?.['cache-control'], 'max-age=60');
  assert.equal(text(await collect(found.body, 10)), 'on');
  assert.equal((await get(`${coap.url}/light`, { ifNoneMatch: 'aa' })).status, 'valid');
  assert.equal((await get(`${coap.url}/dark`)).status, 'forbidden');
  assert.equal((await readProblem(await get('coap://h:1/'))).code, 'forbidden');
  assert.equal((await readProblem(await http(request('GET', '/hc')))).code, 'bad-request');
});
