/**
 * Content from upstream into the cache's file: from the nearest that has it, going on where it stopped, until
 * it is proven. A link that breaks is tried again; one that lacks it or lies is passed over.
 */
import type { Clock, Random, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect, discard, request } from '@lapel/transport';
import type { Handler } from '@lapel/transport';
import type { ContentName, Proof } from './content.ts';
import { envelopeBytesMax, pathOf, proofOf } from './content.ts';
import type { Arrival } from './store.ts';

/** Who may have it. */
export interface Upstream {
  /** For people. */
  readonly name: string;
  readonly handler: Handler;
}

export interface Obtaining {
  readonly name: ContentName;
  readonly arrival: Arrival;
  /** The nearest first, the origin last. */
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** What an upstream gave was not what it was asked for. */
  readonly onLie: (upstream: Upstream) => void;
  /** From now on it comes from there, if it does. */
  readonly onAsking: (upstream: Upstream) => void;
  /** There is more to read. */
  readonly onBytes: (total: number | undefined) => void;
  /** Whether somebody may have read of what has arrived: then it cannot be taken back any more. */
  readonly isRead: () => boolean;
}

export type Obtained =
  | 'proven'
  /** It is larger than all there is room for: it must go past the cache. */
  | 'no-room'
  /** Nobody has it; the answer is that of the last who was asked. */
  | Response;

/** Attempts at one upstream without a single new byte. */
const fruitlessMax = 3;
const backOffMs = { first: 200, max: 10_000 } as const;
/** A refusal is a few lines. */
const refusalBytesMax = 64 * 1024;
/** For reading what an earlier transfer has left. */
const pieceBytes = 1024 * 1024;

/** @throws {TransportError} where no upstream could be asked, or one lied to whoever reads already */
export async function obtain(given: Obtaining): Promise<Obtained> {
  const work: Work = { ...given, proof: await proofSoFar(given), isLeftOver: given.arrival.size > 0 };
  let refusal: Response | undefined;
  let failure: Error | undefined;
  for (const upstream of given.upstreams) {
    given.onAsking(upstream);
    const end = await fromOne(work, upstream).catch((error: unknown) => {
      if (error instanceof TransportError) return error;
      throw error;
    });
    if (end === 'no-room') await given.arrival.restart();
    if (end === 'proven' || end === 'no-room') return end;
    // Who has read of it must not get its rest from somebody else.
    if (end === 'lied' && given.isRead()) break;
    if (end instanceof TransportError) failure = end;
    else if (end !== 'lied' && isNews(refusal, end)) refusal = end;
  }
  if (refusal !== undefined) return refusal;
  throw failure ?? new TransportError('unreachable', 'expected an upstream to believe, found none');
}

/** That all ways lead back here is the answer where there is no other. */
export const isNews = (before: Response | undefined, { status }: Response): boolean =>
  before === undefined || status !== 'loop-detected';

interface Work extends Obtaining {
  /** Of what is in the file. */
  proof: Proof;
  /** What the file began with may have been damaged by whatever ended the transfer before this one. */
  isLeftOver: boolean;
}

async function fromOne(work: Work, upstream: Upstream): Promise<Obtained | 'lied'> {
  const { arrival, clock, random, signal } = work;
  for (let fruitless = 0; ;) {
    const before = arrival.size;
    try {
      const end = await receive(work, upstream.handler);
      if (end !== 'whole') return end;
      if (work.proof.holds()) {
        await arrival.keep();
        return 'proven';
      }
      const isAnswerable = !work.isLeftOver;
      await startAnew(work);
      if (isAnswerable) {
        work.onLie(upstream);
        return 'lied';
      }
    } catch (error) {
      if (!(error instanceof TransportError) || error.kind === 'refused') throw error;
      fruitless = arrival.size > before ? 0 : fruitless + 1;
      if (fruitless === fruitlessMax) throw error;
      const longest = Math.min(backOffMs.max, backOffMs.first * 2 ** fruitless);
      await clock.sleep(longest * (0.5 + random.fraction() / 2), signal);
    }
  }
}

async function startAnew(work: Work): Promise<void> {
  await work.arrival.restart();
  work.proof = proofOf(work.name);
  work.isLeftOver = false;
}

async function proofSoFar({ name, arrival }: Obtaining): Promise<Proof> {
  const proof = proofOf(name);
  for (let at = 0; at < arrival.size;) {
    const piece = await arrival.read(at, Math.min(pieceBytes, arrival.size - at));
    if (piece.length === 0) throw new Error(`expected ${arrival.size} bytes in the file, found ${at}`);
    proof.update(piece);
    at += piece.length;
  }
  return proof;
}

/** One request, from where the file ends to where the answer does. @throws {TransportError} */
async function receive(work: Work, handler: Handler): Promise<'whole' | 'no-room' | Response> {
  const { arrival, signal, name } = work;
  const start = arrival.size;
  const wanted = start > 0 ? { signal, range: { start } } : { signal };
  const response = await handler(request('GET', pathOf(name), wanted));
  try {
    const place = placeOf(response, start);
    if (place === 'behind-end') return 'whole';
    if (place === 'too-far') {
      await startAnew(work);
      throw new TransportError('malformed', `expected more than ${start} bytes, found fewer`);
    }
    if (place === 'refused') return await keptRefusal(response);
    return await append(work, response.body, place);
  } finally {
    await discard(response.body);
  }
}

interface Place {
  /** Bytes of the answer that are here already (RFC 9110 §14.2: the whole may come for a part). */
  readonly skip: number;
  readonly total: number | undefined;
}

function placeOf(
  { status, range, size }: Response,
  start: number,
): Place | 'behind-end' | 'too-far' | 'refused' {
  if (status === 'ok') return { skip: start, total: size };
  if (status === 'partial' && range?.start === start) return { skip: 0, total: range.total };
  if (status === 'range-not-satisfiable' && range !== undefined) {
    return range.total === start ? 'behind-end' : 'too-far';
  }
  if (status === 'unavailable' || status === 'too-many-requests' || status === 'internal-error') {
    throw new TransportError('no-answer', `the server upstream answered ${status}`);
  }
  return 'refused';
}

async function append(
  { arrival, proof, name, onBytes }: Work,
  body: Response['body'],
  { skip, total }: Place,
): Promise<'whole' | 'no-room'> {
  const most = name.kind === 'manifests' ? envelopeBytesMax : Infinity;
  if (total !== undefined && (total > most || !arrival.reserve(total))) return 'no-room';
  onBytes(total);
  let left = skip;
  for await (const chunk of body) {
    const fresh = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - fresh.length;
    if (fresh.length === 0) continue;
    if (arrival.size + fresh.length > (total ?? Infinity)) {
      throw new TransportError('malformed', `expected ${total} bytes, found more`);
    }
    if (arrival.size + fresh.length > most || !(await arrival.write(fresh))) return 'no-room';
    proof.update(fresh);
    onBytes(total);
  }
  if (total !== undefined && arrival.size < total) {
    throw new TransportError('no-answer', `expected ${total} bytes, found ${arrival.size}`);
  }
  return 'whole';
}

/** Many may wait for it, and a body can be read only once: it is taken into memory. */
async function keptRefusal(response: Response): Promise<Response> {
  const bytes = await collect(response.body, refusalBytesMax);
  return { ...response, size: bytes.length, body: bytesBody(bytes) };
}
