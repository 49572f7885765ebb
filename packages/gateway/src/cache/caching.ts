/**
 * A Handler with a memory before another one (RFC 9019 §3.2; RFC 9111): content that is named by its digest
 * never goes stale, is asked for upstream once however many want it at a time, and is proven before it counts
 * as here. A cache cannot make a device take another image; a device that a cache has served badly asks the
 * origin.
 */
import type { Clock, Random, Request, Response } from '@lapel/transport';
import { Problem, TransportError, discard, emptyBody, problemResponse, request } from '@lapel/transport';
import { isDigest, partOf } from '@lapel/firmware-server';
import type { ContentName } from './content.ts';
import { fileNameOf, pathOf } from './content.ts';
import { heldBody } from './held-body.ts';
import type { Upstream } from './obtain.ts';
import { isNews } from './obtain.ts';
import { createOrigins } from './origins.ts';
import type { Held, Store } from './store.ts';
import { isPassedOn, trailOf } from '../loop.ts';
import type { Begun, Transfer } from './transfer.ts';
import { startTransfer } from './transfer.ts';

export interface CachingOptions {
  readonly store: Store;
  /** The nearest first, the origin last. */
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
  readonly random: Random;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** For an operator: what went wrong upstream. */
  readonly onNotice: (text: string) => void;
}

export interface Cache {
  /**
   * @param further who may have it besides, and is asked last
   * @throws {Problem}, {TransportError} where nothing can be had
   */
  get(asked: Request, name: ContentName, further?: readonly Upstream[]): Promise<Response>;
  readonly counts: Readonly<CacheCounts>;
  /** Resolves when nothing is written any more. */
  settled(): Promise<void>;
}

export interface CacheCounts {
  /** Requests answered from the disk. */
  hits: number;
  /** Requests that joined, or began, a transfer from upstream. */
  misses: number;
  /** Requests that went past the cache, for want of room. */
  passed: number;
  /** Transfers from upstream. */
  transfers: number;
}

/** Contents at a time; each keeps a file open and a connection busy. */
const transfersMax = 64;
/** How long an upstream that lied about a content is not asked for it. */
const lieMs = 60_000;
const liesMax = 1000;
const pieceBytes = 256 * 1024;

export function caching(options: CachingOptions): Cache {
  const { store, upstreams } = options;
  const running = new Map<string, Promise<Transfer>>();
  const origins = createOrigins(options.clock);
  const lies = liesOf(options.clock);
  const counts = { hits: 0, misses: 0, passed: 0, transfers: 0 };

  async function begin(name: ContentName, credible: readonly Upstream[]): Promise<Transfer> {
    counts.transfers += 1;
    const arrival = await store.receive(name);
    return startTransfer({
      ...options,
      name,
      arrival,
      upstreams: credible,
      onLie(upstream) {
        lies.add(name, upstream);
        options.onNotice(`${upstream.name} gave something else than ${pathOf(name)}`);
      },
    });
  }

  /** The one that is under way, or a new one. */
  function transferOf(name: ContentName, all: readonly Upstream[]): Promise<Transfer> {
    const key = fileNameOf(name);
    const known = running.get(key);
    if (known !== undefined) return known;
    if (running.size >= transfersMax) throw busy();
    const credible = all.filter((upstream) => !lies.has(name, upstream));
    if (credible.length === 0) throw liedTo(name);
    const started = begin(name, credible);
    running.set(key, started);
    const done = () => void running.delete(key);
    started.then(async ({ ended }) => ended).then(done, done);
    return started;
  }

  /** Undefined where it must not be waited for by another gateway, as it may be waiting for that one. */
  async function joined(asked: Request, name: ContentName, all: readonly Upstream[]) {
    const known = isPassedOn(asked) ? running.get(fileNameOf(name)) : undefined;
    if (known === undefined) return transferOf(name, all);
    const transfer = await known;
    const from = transfer.from();
    const isSafe = from !== undefined && (await origins.has(from)) && transfer.from() === from;
    return isSafe ? transfer : undefined;
  }

  return {
    counts,
    async get(asked, name, further = []) {
      const held = await store.open(name);
      if (held !== undefined) {
        counts.hits += 1;
        return fromDisk(asked, name, held);
      }
      const trail = trailOf(asked);
      const all = [...upstreams, ...further].map((upstream) => onTrail(upstream, trail));
      const transfer = await joined(asked, name, all);
      if (transfer === undefined) return past(asked, all);
      counts.misses += 1;
      const begun = await transfer.begun;
      if (begun.as === 'content') return fromTransfer(asked, name, begun, transfer);
      if (begun.as === 'refusal') return begun.response;
      counts.passed += 1;
      return past(asked, all);
    },
    async settled() {
      await Promise.allSettled([...running.values()].map(async (started) => (await started).ended));
    },
  };
}

/** Each asks upstream as one that has come the way of whoever asked first. */
const onTrail = ({ name, handler }: Upstream, trail: Request['headers']): Upstream => ({
  name,
  handler: (asked) => handler({ ...asked, headers: { ...asked.headers, ...trail } }),
});

/** The name of the content that a request wants; undefined for any other request. */
export function contentAsked(
  { method }: Request,
  kind: ContentName['kind'],
  digest: string,
): ContentName | undefined {
  return method === 'GET' && isDigest(digest) ? { kind, digest } : undefined;
}

const immutable = 'public, max-age=31536000, immutable';
const contentTypes = {
  payloads: 'application/octet-stream',
  manifests: 'application/suit-envelope+cose',
} as const;

const describing = ({ kind, digest }: ContentName) => ({
  etag: digest,
  contentType: contentTypes[kind],
  headers: { 'cache-control': immutable, 'accept-ranges': 'bytes' },
});

function fromDisk(asked: Request, name: ContentName, held: Held): Response {
  try {
    if (asked.ifNoneMatch === name.digest) return { ...describing(name), status: 'valid', body: emptyBody };
    return part(asked, name, held.size, (start, end) => heldBody(held, piecesOf(held, start, end)));
  } finally {
    held.release();
  }
}

async function* piecesOf(
  held: Held,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end;) {
    const piece = await held.read(at, Math.min(pieceBytes, end - at));
    if (piece.length === 0) throw new Error(`expected ${end} bytes in the file, found ${at}`);
    at += piece.length;
    yield piece;
  }
}

async function fromTransfer(
  asked: Request,
  name: ContentName,
  { total }: Extract<Begun, { as: 'content' }>,
  transfer: Transfer,
): Promise<Response> {
  if (total !== undefined) return part(asked, name, total, transfer.read);
  // RFC 9110 §14.2: the whole, where nobody can say yet what the part would be of.
  return { ...describing(name), status: 'ok', body: transfer.read(0, Infinity) };
}

/** What of the whole was asked for. */
function part(
  { range: wanted, headers }: Request,
  name: ContentName,
  total: number,
  read: (start: number, end: number) => Response['body'],
): Response {
  // RFC 9110 §13.1.5: a part is only wanted of the very thing that the client has the other part of.
  const ifRange = headers['if-range'];
  const range = ifRange === undefined || ifRange === `"${name.digest}"` ? wanted : undefined;
  const { start, length } = partOf(total, range);
  if (range === undefined) return { ...describing(name), status: 'ok', size: total, body: read(0, total) };
  if (length > 0) {
    const body = read(start, start + length);
    return { ...describing(name), status: 'partial', size: length, range: { start, total }, body };
  }
  const detail = `expected a range within ${total} bytes, found one from ${start}`;
  return { ...problemResponse(new Problem('range-not-satisfiable', detail)), range: { start, total } };
}

/** Asks for each on its own: slow, but nobody goes without. */
async function past({ path, range, signal }: Request, upstreams: readonly Upstream[]): Promise<Response> {
  let refusal: Response | undefined;
  let failure: TransportError | undefined;
  for (const { handler } of upstreams) {
    try {
      const response = await handler(request('GET', path, { signal, ...(range && { range }) }));
      if (response.status === 'ok' || response.status === 'partial') return response;
      const [kept, dropped] = isNews(refusal, response) ? [response, refusal] : [refusal, response];
      if (dropped !== undefined) await discard(dropped.body);
      refusal = kept;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      failure = error;
    }
  }
  if (refusal !== undefined) return refusal;
  throw failure ?? busy();
}

/** Who has lied about what, lately. */
function liesOf({ monotonicMs }: Clock) {
  const told = new Map<string, number>();
  const keyOf = (name: ContentName, upstream: Upstream) => `${fileNameOf(name)} ${upstream.name}`;
  return {
    add(name: ContentName, upstream: Upstream) {
      if (told.size >= liesMax) told.delete(told.keys().next().value ?? '');
      told.set(keyOf(name, upstream), monotonicMs() + lieMs);
    },
    has: (name: ContentName, upstream: Upstream) => (told.get(keyOf(name, upstream)) ?? 0) > monotonicMs(),
  };
}

const busy = () => new Problem('unavailable', `expected at most ${transfersMax} transfers, found as many`);
const liedTo = ({ kind, digest }: ContentName) =>
  new Problem('unavailable', `expected the content /${kind}/${digest} from upstream, found something else`);
