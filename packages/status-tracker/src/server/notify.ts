/**
 * What devices poll for, answered from memory: a token is found by its hash, an ETag is compared, and
 * nothing is read from the store or signed. A device that may be pushed to asks with a time to wait (RFC
 * 9019 §3: server-initiated over a connection that the device opened); it is answered as soon as there is
 * an offer.
 */
import { hash } from 'node:crypto';
import { hex, unhex, write } from '@lapel/cbor';
import type { Clock, Request, Response } from '@lapel/transport';
import { Problem, bytesBody, emptyBody } from '@lapel/transport';
import type { UpdateMode } from '../protocol.ts';
import { Offer, envelopeBytesMax, mediaTypes, protocolVersion } from '../protocol.ts';
import type { LiveOffer, Seen } from './store.ts';

/** An offer with what the campaign and its release add to it. */
export interface FullOffer extends LiveOffer {
  readonly uri: string;
  readonly digest: Uint8Array;
  readonly envelope?: Uint8Array;
}

export interface NotifyLimits {
  /** Polls that are held open at once; more are answered at once, with what there is. */
  readonly waitersMax: number;
  readonly waitMsMax: number;
}

export const notifyLimits: NotifyLimits = { waitersMax: 10_000, waitMsMax: 60_000 };

export interface Notify {
  /** A new session: the token before it is forgotten. @param tokenHash SHA-256 of the token. */
  setSession(device: string, tokenHash: Uint8Array, updateMode: UpdateMode): void;
  /** Serves an offer, instead of the one before. */
  setOffer(offer: FullOffer): void;
  /** Serves nothing more to the device for this campaign. */
  withdraw(device: string, campaign: string): void;
  withdrawAll(campaign: string): void;
  /** GET /offers/{device}. @throws {Problem} where no token, or another device's, is shown. */
  poll(request: Request, device: string): Promise<Response>;
  seen(device: string): void;
  /** Those that polled since the last call: last contacts are written behind, in batches. */
  takeSeen(): readonly Seen[];
  /** Ends every waiting poll. */
  close(): void;
}

/** All that a poll needs of a device. */
interface Post {
  readonly device: string;
  tokenHash: string | undefined;
  updateMode: UpdateMode;
  offer: FullOffer | undefined;
  /** Of the answer as it is now; made once, not for every poll. */
  etag: string;
  full: Response;
  unchanged: Response;
  seenMs: number;
  wake: (() => void) | undefined;
}

export function createNotify(clock: Clock, limits: NotifyLimits = notifyLimits): Notify {
  const posts = new Map<string, Post>();
  const postByToken = new Map<string, Post>();
  const seenNow = new Set<Post>();
  let waiters = 0;
  const closed = new AbortController();

  function postOf(device: string): Post {
    const known = posts.get(device);
    if (known !== undefined) return known;
    const post: Post = {
      device,
      tokenHash: undefined,
      updateMode: 'client-initiated',
      offer: undefined,
      seenMs: 0,
      wake: undefined,
      ...answers(undefined, 'client-initiated'),
    };
    posts.set(device, post);
    return post;
  }

  function serve(post: Post, offer: FullOffer | undefined): void {
    post.offer = offer;
    Object.assign(post, answers(offer, post.updateMode));
    post.wake?.();
  }

  function touch(post: Post): void {
    post.seenMs = clock.wallMs();
    seenNow.add(post);
  }

  async function wait(post: Post, ms: number, signal: AbortSignal): Promise<void> {
    // One poll waits per device; a newer one takes its place, so that a device can't hold more.
    post.wake?.();
    waiters += 1;
    const over = new AbortController();
    const wake = () => over.abort();
    post.wake = wake;
    try {
      await sleepUntil(clock, ms, AbortSignal.any([over.signal, closed.signal, signal]));
    } finally {
      waiters -= 1;
      if (post.wake === wake) post.wake = undefined;
    }
    signal.throwIfAborted();
  }

  async function poll(request: Request, device: string): Promise<Response> {
    const post = postByToken.get(tokenKey(request.headers['authorization']));
    if (post === undefined)
      throw new Problem('unauthorized', 'expected the token of a session, found none that is known');
    if (post.device !== device) {
      throw new Problem('forbidden', `expected the device that the token is for, found ${device}`);
    }
    touch(post);
    const waitMs = request.query.size === 0 ? 0 : waitOf(request, limits.waitMsMax);
    if (waitMs > 0 && request.ifNoneMatch === current(post).etag && waiters < limits.waitersMax) {
      await wait(post, waitMs, request.signal);
      touch(post);
    }
    const { etag, full, unchanged } = current(post);
    return request.ifNoneMatch === etag ? unchanged : full;
  }

  function current(post: Post): Post {
    if (post.offer !== undefined && post.offer.expiresMs <= clock.wallMs()) serve(post, undefined);
    return post;
  }

  return {
    setSession(device, tokenHash, updateMode) {
      const post = postOf(device);
      if (post.tokenHash !== undefined) postByToken.delete(post.tokenHash);
      post.tokenHash = Buffer.from(tokenHash).toString('base64');
      post.updateMode = updateMode;
      postByToken.set(post.tokenHash, post);
      serve(post, post.offer);
    },
    setOffer: (offer) => serve(postOf(offer.device), offer),
    withdraw(device, campaign) {
      const post = posts.get(device);
      if (post?.offer?.campaign === campaign) serve(post, undefined);
    },
    withdrawAll(campaign) {
      for (const post of posts.values()) if (post.offer?.campaign === campaign) serve(post, undefined);
    },
    poll,
    seen: (device) => touch(postOf(device)),
    takeSeen() {
      const seen = Array.from(seenNow, ({ device, seenMs }) => ({ device, atMs: seenMs }));
      seenNow.clear();
      return seen;
    },
    close: () => closed.abort(),
  };
}

/** The answers to a poll: of the offer, or of an empty body where there is none. */
function answers(
  offer: FullOffer | undefined,
  updateMode: UpdateMode,
): Pick<Post, 'etag' | 'full' | 'unchanged'> {
  const etag = offer === undefined ? 'none' : hex(offer.nonce);
  const unchanged: Response = { status: 'valid', etag, body: emptyBody };
  if (offer === undefined) return { etag, unchanged, full: { status: 'ok', etag, size: 0, body: emptyBody } };
  const bytes = offerBytes(offer, updateMode);
  const full: Response = {
    status: 'ok',
    contentType: mediaTypes.cbor,
    etag,
    size: bytes.length,
    body: bytesBody(bytes),
  };
  return { etag, unchanged, full };
}

function offerBytes(
  { campaign, generation, uri, digest, expiresMs, nonce, envelope }: FullOffer,
  updateMode: UpdateMode,
) {
  // Only who asked to be pushed to gets the envelope unasked; everyone else fetches it.
  const pushed =
    updateMode === 'server-initiated' && envelope !== undefined && envelope.length <= envelopeBytesMax;
  return write(Offer, {
    version: protocolVersion,
    campaign: unhex(campaign) ?? new Uint8Array(),
    generation,
    uri,
    digest,
    expires: expiresMs,
    nonce,
    ...(pushed ? { envelope } : {}),
  });
}

/** `Bearer ` and 64 hexadecimal digits; what has another form is nobody's. */
const authorizationLength = 'Bearer '.length + 64;

function tokenKey(authorization: string | undefined): string {
  if (authorization?.length !== authorizationLength || !authorization.startsWith('Bearer ')) return '';
  return hash('sha256', Buffer.from(authorization.slice('Bearer '.length), 'hex'), 'base64');
}

function waitOf(request: Request, waitMsMax: number): number {
  const given = request.query.get('waitMs') ?? '0';
  if (!/^\d{1,9}$/.test(given))
    throw new Problem('bad-request', 'expected waitMs in whole milliseconds, found another text');
  return Math.min(Number(given), waitMsMax);
}

/** Ends early, and without an error, where the signal fires. */
async function sleepUntil(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
