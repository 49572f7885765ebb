/** An origin with its own folder behind real HTTP, and gateways before it, as the tests of this room use. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { digest } from '@lapel/cose';
import { createFirmwareServer } from '@lapel/firmware-server';
import type { Gateway, GatewayOptions } from '@lapel/gateway';
import { openGateway } from '@lapel/gateway';
import type { Handler, HttpServer } from '@lapel/transport';
import { bearer, bytesBody, collect, httpClient, request, serveHttp } from '@lapel/transport';

const ends = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** What was begun last ends first. */
export function afterwards(context: TestContext, end: () => Promise<void>): void {
  const known = ends.get(context);
  if (known !== undefined) {
    known.push(end);
    return;
  }
  const all = [end];
  ends.set(context, all);
  context.after(async () => {
    for (const each of all.toReversed()) await each();
  });
}

export async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-gateway-'));
  afterwards(context, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function unexpected(error: unknown): never {
  throw new Error('expected no mistake of ours, found one', { cause: error });
}

export interface Origin {
  readonly url: string;
  readonly handler: Handler;
  /** What was asked of it, such as `GET /payloads/…`. */
  readonly asked: string[];
  put(image: Uint8Array): Promise<string>;
}

/** A firmware server; what is asked of it is written down, and may be answered by `instead`. */
export async function originIn(
  context: TestContext,
  instead: (handler: Handler) => Handler = (handler) => handler,
): Promise<Origin> {
  const firmware = await createFirmwareServer({
    folder: await folderOf(context),
    trustAnchors: [],
    onBug: unexpected,
    onRefused: unexpected,
  });
  const asked: string[] = [];
  const author = { id: 'author-1', roles: ['author'] };
  const served = instead(bearer(firmware.handler, () => author));
  const handler: Handler = (each) => {
    if (each.method === 'GET') asked.push(`${each.method} ${each.path}`);
    return served(each);
  };
  const server = await serving(context, handler);
  return {
    url: server.url,
    handler,
    asked,
    async put(image) {
      const name = hex(digest('sha-256', image));
      const put = await firmware.handler({
        ...request('PUT', `/payloads/${name}`, { body: bytesBody(image) }),
        peer: author,
      });
      assert.equal(put.status, 'created');
      return name;
    },
  };
}

export async function serving(context: TestContext, handler: Handler): Promise<HttpServer> {
  // A body that breaks off is what some of the tests are about.
  const server = await serveHttp(handler, { port: 0, onBug: () => undefined });
  afterwards(context, () => server.close(0));
  return server;
}

export interface Served {
  readonly gateway: Gateway;
  readonly url: string;
  readonly folder: string;
  readonly notices: string[];
}

/** @param urls of its upstreams, the nearest first */
export async function gatewayBefore(
  context: TestContext,
  urls: readonly string[],
  given: Partial<GatewayOptions> = {},
): Promise<Served> {
  const folder = given.folder ?? (await folderOf(context));
  const notices: string[] = [];
  const gateway = await openGateway({
    folder,
    upstreams: urls.map((url) => ({ name: url, handler: httpClient(url, { timeoutMs: 5000 }) })),
    onNotice: (text) => void notices.push(text),
    onBug: unexpected,
    ...given,
  });
  afterwards(context, () => gateway.close());
  const { url } = await serving(context, gateway.handler);
  return { gateway, url, folder, notices };
}

export async function fetchAll(
  url: string,
  path: string,
  range?: { readonly start: number; readonly end?: number },
): Promise<Uint8Array> {
  const response = await httpClient(url)(request('GET', path, range === undefined ? {} : { range }));
  assert.equal(response.status, range === undefined ? 'ok' : 'partial');
  return collect(response.body, 64 * 1024 * 1024);
}

/** Bytes that no compression and no luck makes equal. */
export function imageOf(length: number, seed: number): Uint8Array {
  const image = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    image[at] = state >>> 24;
  }
  return image;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
