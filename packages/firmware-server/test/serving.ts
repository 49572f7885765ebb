/**
 * A firmware server over a folder of its own, behind real HTTP and real tokens, as the tests of this room
 * talk to it.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FirmwareServer, FirmwareServerOptions } from '@lapel/firmware-server';
import { createFirmwareServer } from '@lapel/firmware-server';
import type { Handler, Method, Peer, ProblemCode, Request, Response } from '@lapel/transport';
import { bearer, bytesBody, collect, httpClient, readProblem, request, serveHttp } from '@lapel/transport';
import { author } from './forge.ts';

export type Role = 'author' | 'operator' | 'viewer' | 'device' | 'nobody';

export async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-server-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const open = (folder: string, options: Partial<FirmwareServerOptions> = {}): Promise<FirmwareServer> =>
  createFirmwareServer({
    folder,
    trustAnchors: [{ key: author.public }],
    onBug: unexpected,
    onRefused: (digest, why) => unexpected(`${digest}: ${why}`),
    ...options,
  });

export function unexpected(error: unknown): never {
  throw new Error('expected no mistake of ours, found one', { cause: error });
}

export type Ask = (as: Role, method: Method, path: string, given?: Partial<Request>) => Promise<Response>;

/** Serves it over HTTP, and asks it with the token of a role. */
export async function asking(context: TestContext, handler: Handler): Promise<Ask> {
  const peers: readonly Role[] = ['author', 'operator', 'viewer', 'device'];
  const lookup = (token: string): Peer | undefined =>
    peers.some((role) => role === token) ? { id: `${token}-1`, roles: [token] } : undefined;
  const server = await serveHttp(bearer(handler, lookup), { port: 0, onBug: unexpected });
  context.after(() => server.close(0));
  const client = httpClient(server.url);
  return (as, method, path, given = {}) =>
    client(request(method, path, { ...given, headers: { ...given.headers, authorization: `Bearer ${as}` } }));
}

export async function serving(
  context: TestContext,
  options: Partial<FirmwareServerOptions> = {},
): Promise<{ readonly folder: string; readonly server: FirmwareServer; readonly ask: Ask }> {
  const folder = await folderOf(context);
  const server = await open(folder, options);
  return { folder, server, ask: await asking(context, server.handler) };
}

export const bytesOf = (response: Response) => collect(response.body, 64 * 1024 * 1024);
export const jsonOf = async (response: Response): Promise<unknown> =>
  JSON.parse(new TextDecoder().decode(await bytesOf(response)));

export const upload = (ask: Ask, digest: string, bytes: Uint8Array, as: Role = 'author') =>
  ask(as, 'PUT', `/payloads/${digest}`, { body: bytesBody(bytes) });

export const post = (ask: Ask, bytes: Uint8Array, as: Role = 'author') =>
  ask(as, 'POST', '/manifests', { body: bytesBody(bytes) });

export async function assertProblem(response: Response, code: ProblemCode, detail?: RegExp): Promise<void> {
  const problem = await readProblem(response);
  assert.equal(problem.code, code, problem.detail);
  if (detail !== undefined) assert.match(problem.detail, detail);
}
