/** Resources that the tests of this binding share: bodies of any size, with and without ranges. */
import type { Handler, Response } from '@lapel/transport';
import { bytesBody, emptyBody, receive, routes } from '@lapel/transport';
import { noBug } from '../bodies.ts';
import { seeded } from './lossy-link.ts';

/** `size` bytes that no other size begins with. */
export const imageOf = (size: number, seed = size): Uint8Array => seeded(seed).bytes(size);

export interface Resource {
  bytes: Uint8Array;
  etag?: string;
}

/** Sends ranges, as a firmware server does from its files. */
export function ranged(
  { bytes, etag }: Resource,
  range: { start: number; end?: number | undefined } | undefined,
) {
  const common = { etag, contentType: 'application/octet-stream' };
  if (range === undefined)
    return { ...common, status: 'ok', size: bytes.length, body: chunked(bytes, 5_000) } satisfies Response;
  const part = bytes.subarray(range.start, (range.end ?? bytes.length - 1) + 1);
  const told = { start: range.start, total: bytes.length };
  if (part.length === 0)
    return {
      ...common,
      status: 'range-not-satisfiable',
      range: told,
      size: 0,
      body: emptyBody,
    } satisfies Response;
  const body = chunked(part, 5_000);
  return { ...common, status: 'partial', size: part.length, range: told, body } satisfies Response;
}

export async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What was uploaded, and three ways of reading it. */
export function resources(images: ReadonlyMap<string, Resource>): {
  handler: Handler;
  uploads: Uint8Array[];
} {
  const uploads: Uint8Array[] = [];
  const found = (name: string | undefined) => images.get(name ?? '') ?? { bytes: new Uint8Array(0) };
  const handler = routes(
    {
      'GET /ranged/{name}': async ({ range }, { name }) => ranged(found(name), range),
      'GET /whole/{name}': async (_, { name }) => ({
        status: 'ok',
        etag: found(name).etag,
        size: found(name).bytes.length,
        body: bytesBody(found(name).bytes),
      }),
      'GET /stream/{name}': async (_, { name }) => ({
        status: 'ok',
        etag: found(name).etag,
        body: chunked(found(name).bytes, 777),
      }),
      'POST /uploads': async (request) => {
        uploads.push(await receive(request, 100_000));
        return { status: 'changed', size: 0, body: emptyBody };
      },
      'POST /mirror': async (request) => {
        const bytes = await receive(request, 100_000);
        return { status: 'ok', size: bytes.length, body: bytesBody(bytes) };
      },
    },
    { onBug: noBug },
  );
  return { handler, uploads };
}
