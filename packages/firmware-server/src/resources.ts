/**
 * The firmware server's resources (§6 of the design), the same over every binding. What is named by its
 * digest never changes; reading is open to everybody, because manifest and image protect themselves (RFC
 * 9019 §7); writing is for authors, releasing for operators.
 */
import { digestAlgorithms, signatureAlgorithms } from '@lapel/cose';
import { manifestVersion, uuidBytes } from '@lapel/suit';
import type { Body, Request, Response, RouteHandler, Status } from '@lapel/transport';
import { Problem, bytesBody, emptyBody, problemResponse, receive, requireRole } from '@lapel/transport';
import type { Blobs } from './blobs.ts';
import { isDigest } from './blobs.ts';
import type { Catalog } from './catalog.ts';
import type { FirmwareServerLimits } from './limits.ts';
import type { Publisher } from './publish.ts';
import type { Release } from './release.ts';

export const envelopeMediaType = 'application/suit-envelope+cose';

export interface ResourcesOptions {
  readonly blobs: Blobs;
  readonly catalog: Catalog;
  readonly publisher: Publisher;
  readonly limits: FirmwareServerLimits;
}

export function resources({
  blobs,
  catalog,
  publisher,
  limits,
}: ResourcesOptions): Record<string, RouteHandler> {
  return {
    'GET /payloads/{digest}': (request, { digest = '' }) => readPayload(request, digest, blobs),
    'PUT /payloads/{digest}': (request, { digest = '' }) => writePayload(request, digest, blobs, limits),

    'POST /manifests': async (request) => {
      const { id } = requireRole(request, 'author', 'admin');
      requireEnvelopeFormat(request);
      const release = await publisher.publish(await receive(request, limits.manifest.envelopeBytes), id);
      return json('created', release, { location: `/manifests/${release.digest}` });
    },

    'GET /manifests/{digest}': async (request, { digest = '' }) => {
      const release = catalog.find(digest);
      if (release === undefined || !isVisible(release, request)) throw notFound('manifest');
      return readEnvelope(request, release, blobs, { 'cache-control': immutable });
    },

    'POST /releases/{digest}': async (request, { digest = '' }) => {
      const { id } = requireRole(request, 'operator', 'admin');
      return json('ok', await publisher.release(digest, id));
    },

    'GET /releases': async (request) => {
      requireRole(request, ...readers);
      return json('ok', { releases: catalog.all() });
    },

    'GET /latest/{vendor}/{class}': async (request, parameters) => {
      const release = catalog.newest(identifierOf(parameters['vendor']), identifierOf(parameters['class']));
      if (release === undefined) throw notFound('release for this class');
      // RFC 3986 §5.1.2: what is relative in the manifest is relative to where the manifest itself stands.
      const headers = {
        'content-location': `../../manifests/${release.digest}`,
        'cache-control': 'no-cache',
      };
      return readEnvelope(request, release, blobs, headers);
    },

    'GET /capabilities': async () => json('ok', capabilities(limits)),
  };
}

/** Who sees what is published and not yet released. A device is not among them. */
const readers = ['viewer', 'author', 'operator', 'admin'];

const isVisible = (release: Release, { peer }: Request) =>
  release.released !== undefined || (peer?.roles.some((role) => readers.includes(role)) ?? false);

const immutable = 'public, max-age=31536000, immutable';

/** Streams it from the file; a device that lost the connection goes on with a range (RFC 9110 §14). */
async function readPayload(request: Request, digest: string, blobs: Blobs): Promise<Response> {
  const headers = { 'cache-control': immutable, 'accept-ranges': 'bytes' };
  if (request.ifNoneMatch === digest && (await blobs.sizeOf(digest)) !== undefined) {
    return { status: 'valid', etag: digest, headers, body: emptyBody };
  }
  // RFC 9110 §13.1.5: a part is only wanted of the very thing that the client has the other part of.
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === `"${digest}"` ? request.range : undefined;
  const blob = await blobs.get(digest, range);
  if (blob === undefined) throw notFound('payload');
  const whole = { etag: digest, headers, contentType: 'application/octet-stream', body: blob.body };
  if (range === undefined) return { ...whole, status: 'ok', size: blob.size };
  const part = { start: blob.start, total: blob.size };
  if (blob.length > 0) return { ...whole, status: 'partial', size: blob.length, range: part };
  const detail = `expected a range within ${blob.size} bytes, found one from ${range.start}`;
  return { ...problemResponse(new Problem('range-not-satisfiable', detail)), range: part };
}

async function writePayload(
  request: Request,
  digest: string,
  blobs: Blobs,
  { payloadBytes }: FirmwareServerLimits,
): Promise<Response> {
  requireRole(request, 'author', 'admin');
  if (!isDigest(digest))
    throw new Problem('bad-request', 'expected a SHA-256 digest in lower-case hex, found another');
  const declared = Number(request.headers['content-length']);
  if (declared > payloadBytes) throw tooLarge(payloadBytes, `${declared}`);
  // Read even where it is here already: whoever says that it has a blob shows it.
  const existed = (await blobs.sizeOf(digest)) !== undefined;
  const blob = await blobs.put(atMost(request.body, payloadBytes), digest);
  return json(existed ? 'ok' : 'created', blob, { location: `/payloads/${digest}` });
}

async function* atMost(body: Body, limitBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let found = 0;
  for await (const chunk of body) {
    found += chunk.length;
    if (found > limitBytes) throw tooLarge(limitBytes, 'more');
    yield chunk;
  }
}

/** The ETag is the manifest's digest, so that a poll for news is answered from memory. */
async function readEnvelope(
  request: Request,
  release: Release,
  blobs: Blobs,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const { digest } = release;
  if (request.ifNoneMatch === digest) return { status: 'valid', etag: digest, headers, body: emptyBody };
  const blob = await blobs.get(release.envelope.digest);
  if (blob === undefined)
    throw new Problem('unavailable', 'expected the envelope among the blobs, found none');
  return {
    status: 'ok',
    etag: digest,
    contentType: envelopeMediaType,
    size: blob.size,
    headers,
    body: blob.body,
  };
}

function requireEnvelopeFormat({ headers }: Request): void {
  const found = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (found === undefined || found === envelopeMediaType || found === 'application/octet-stream') return;
  throw new Problem('unsupported-format', `expected ${envelopeMediaType}, found another media type`);
}

/** In hex, with or without the dashes that people write a UUID with. */
function identifierOf(text: string | undefined): string {
  const bytes = uuidBytes(text?.toLowerCase() ?? '');
  if (bytes === undefined)
    throw new Problem('bad-request', 'expected an identifier of 16 bytes in hex, found another');
  return Buffer.from(bytes).toString('hex');
}

/** Before an author signs or a tool uploads, it can ask what will be understood. */
const capabilities = (limits: FirmwareServerLimits) => ({
  entity: 'firmware-server',
  capabilities: {
    'take-image': 'PUT /payloads/{digest}',
    'take-manifest': 'POST /manifests',
    release: 'POST /releases/{digest}',
    'give-manifest': 'GET /manifests/{digest}',
    'give-image': 'GET /payloads/{digest}',
    'give-latest': 'GET /latest/{vendor}/{class}',
  },
  manifestVersions: [manifestVersion],
  mediaTypes: [envelopeMediaType],
  signatureAlgorithms: Object.keys(signatureAlgorithms),
  digestAlgorithms: Object.keys(digestAlgorithms),
  limits: {
    envelopeBytes: limits.manifest.envelopeBytes,
    payloadBytes: limits.payloadBytes,
    components: limits.manifest.components,
  },
});

function json(status: Status, value: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  return { status, contentType: 'application/json', size: bytes.length, headers, body: bytesBody(bytes) };
}

const notFound = (what: string) => new Problem('not-found', `expected a ${what}, found none`);

const tooLarge = (limitBytes: number, found: string) =>
  new Problem('too-large', `expected a payload of at most ${limitBytes} bytes, found ${found}`);
