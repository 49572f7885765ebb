/**
 * What devices poll for, answered from memory: a token is found by its hash, an ETag is compared, and
 * nothing is read from the store or signed. A device that may be pushed to asks with a time to wait (RFC
 * 9019 §3: server-initiated over a connection that the device opened); it is answered as soon as there is
 * an offer.
 */
import { compareBytes } from '@lapel/cbor';
import type { Clock, Request, Response } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { FullOffer } from './poll-answers.ts';
import { answers } from './poll-answers.ts';
import { isProven, sleepUntil, tokenKey, waitOf } from './poll-request.ts';
import type { SessionTerms } from './session-terms.ts';
import { isDecidedHere } from './session-terms.ts';
import type { Seen } from './store.ts';

export type { FullOffer } from './poll-answers.ts';

/** An offer that waits for the server's word. */
export interface Undecided {
  readonly device: string;
  readonly session: Uint8Array;
  readonly offer: FullOffer;
}

export interface NotifyLimits {
  /** Polls that are held open at once; more are answered at once, with what there is. */
  readonly waitersMax: number;
  readonly waitMsMax: number;
}

export const notifyLimits: NotifyLimits = { waitersMax: 10_000, waitMsMax: 60_000 };

export interface Notify {
  /** A new session: the token before it is forgotten. @param tokenHash SHA-256 of the token. */
  setSession(device: string, tokenHash: Uint8Array, terms: SessionTerms): void;
  /** Serves an offer, instead of the one before. */
  setOffer(offer: FullOffer): void;
  /** Serves nothing more to the device for this campaign. */
  withdraw(device: string, campaign: string): void;
  /** Serves nothing of it to anybody; without a campaign, nothing at all. */
  withdrawAll(campaign?: string): void;
  /** Serves nothing to a device, whatever the campaign. */
  withdrawFrom(device: string): void;
  /** The device is none of ours any more: its session ends. */
  forget(device: string): void;
  /** The offer that is served to a device, where it is the one of that nonce. */
  offerOf(device: string, nonce: Uint8Array): FullOffer | undefined;
  /** Offers that wait for the server's word; those that were looked at longest ago come first. */
  undecided(limit: number): readonly Undecided[];
  undecidedOf(device: string): Undecided | undefined;
  /** Serves the tracker's order with the offer, where that is still served in that session. */
  setTrigger(to: Undecided, trigger: Uint8Array): void;
  /** The device has said something else: whatever was decided of its offer is decided anew. */
  reconsider(device: string): void;
  /** GET /offers/{device}. @throws {Problem} where no token, or another device's, is shown. */
  poll(request: Request, device: string): Promise<Response>;
  seen(device: string): void;
  /** Those that polled since the last call: last contacts are written behind, in batches. */
  takeSeen(): readonly Seen[];
  /** Takes back what could not be written: one for each device that there still is, and never more. */
  keepSeen(seen: readonly Seen[]): void;
  /** Ends every waiting poll. */
  close(): void;
}

/** All that a poll needs of a device. */
interface Post {
  readonly device: string;
  tokenHash: string | undefined;
  retired: string | undefined;
  session: Uint8Array;
  terms: SessionTerms;
  offer: FullOffer | undefined;
  trigger: Uint8Array | undefined;
  /** The digest of the last word on its class, as the answer tells it. */
  newest: Uint8Array | undefined;
  /** Of the answer as it is now; made once, not for every poll. */
  etag: string;
  full: Response;
  unchanged: Response;
  seenMs: number;
  wake: (() => void) | undefined;
}

/** A poll under way when a device starts anew may still arrive; so much later nobody goes on with it. */
const twinMsMin = 60_000;

export interface NotifyHooks {
  /** Told of a device that goes on with its last session though a newer one has begun: two hold the key. */
  readonly onTwin?: (device: string) => void;
  /** The digest of the last word on the newest release of a class. */
  readonly newestOf?: (line: string) => Uint8Array | undefined;
}

export function createNotify(
  clock: Clock,
  limits: NotifyLimits = notifyLimits,
  { onTwin = () => {}, newestOf = () => undefined }: NotifyHooks = {},
): Notify {
  const posts = new Map<string, Post>();
  const postByToken = new Map<string, Post>();
  /** Of each device, the session before. */
  const retired = new Map<string, { readonly post: Post; readonly atMs: number }>();
  const seenNow = new Set<Post>();
  const waiting = new Set<Post>();
  let waiters = 0;
  const closed = new AbortController();

  function postOf(device: string): Post {
    const known = posts.get(device);
    if (known !== undefined) return known;
    const post: Post = {
      device,
      tokenHash: undefined,
      retired: undefined,
      session: new Uint8Array(),
      terms: { updateMode: 'client-initiated' },
      offer: undefined,
      trigger: undefined,
      newest: undefined,
      seenMs: 0,
      wake: undefined,
      ...nothing,
    };
    posts.set(device, post);
    return post;
  }

  function serve(post: Post, offer: FullOffer | undefined): void {
    post.offer = offer;
    post.trigger = undefined;
    if (offer !== undefined && isDecidedHere(post.terms)) waiting.add(post);
    else waiting.delete(post);
    renew(post);
  }

  function renew(post: Post): void {
    Object.assign(post, answers(post, post.terms));
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

  function noticeTwin(token: string): void {
    const before = retired.get(token);
    if (before !== undefined && clock.monotonicMs() - before.atMs >= twinMsMin) onTwin(before.post.device);
  }

  async function poll(request: Request, device: string): Promise<Response> {
    const token = tokenKey(request.headers['authorization']);
    const post = isProven(request, device) ? posts.get(device) : postByToken.get(token);
    if (post === undefined) noticeTwin(token);
    if (post?.tokenHash === undefined)
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
    const newest = post.terms.line === undefined ? undefined : newestOf(post.terms.line);
    if (newest !== post.newest) {
      post.newest = newest;
      renew(post);
    }
    return post;
  }

  function undecidedIn(post: Post): Undecided | undefined {
    const { device, session, offer } = post;
    const waits = waiting.has(post) && offer !== undefined && offer.expiresMs > clock.wallMs();
    return waits ? { device, session, offer } : undefined;
  }

  /** The post, where what it serves is still that. */
  function still({ device, session, offer }: Undecided): Post | undefined {
    const post = posts.get(device);
    return post?.session === session && post.offer === offer ? post : undefined;
  }

  return {
    setSession(device, tokenHash, terms) {
      const post = postOf(device);
      if (post.tokenHash !== undefined) {
        postByToken.delete(post.tokenHash);
        if (post.retired !== undefined) retired.delete(post.retired);
        post.retired = post.tokenHash;
        retired.set(post.tokenHash, { post, atMs: clock.monotonicMs() });
      }
      post.tokenHash = Buffer.from(tokenHash).toString('base64');
      post.session = tokenHash.slice(0, sessionBytes);
      post.terms = terms;
      postByToken.set(post.tokenHash, post);
      serve(post, post.offer);
    },
    setOffer: (offer) => serve(postOf(offer.device), offer),
    withdraw(device, campaign) {
      const post = posts.get(device);
      if (post?.offer?.campaign === campaign) serve(post, undefined);
    },
    withdrawAll(campaign) {
      for (const post of posts.values())
        if (post.offer !== undefined && (campaign ?? post.offer.campaign) === post.offer.campaign)
          serve(post, undefined);
    },
    withdrawFrom(device) {
      const post = posts.get(device);
      if (post !== undefined) serve(post, undefined);
    },
    forget(device) {
      const post = posts.get(device);
      if (post === undefined) return;
      for (const token of [post.tokenHash, post.retired])
        if (token !== undefined) for (const known of [postByToken, retired]) known.delete(token);
      for (const turns of [waiting, seenNow]) turns.delete(post);
      posts.delete(device);
    },
    offerOf(device, nonce) {
      const offer = posts.get(device)?.offer;
      return offer !== undefined && compareBytes(offer.nonce, nonce) === 0 ? offer : undefined;
    },
    undecided(limit) {
      const turn = [...waiting].slice(0, limit);
      for (const post of turn) {
        waiting.delete(post);
        waiting.add(post);
      }
      return turn.flatMap((post) => undecidedIn(post) ?? []);
    },
    undecidedOf(device) {
      const post = posts.get(device);
      return post === undefined ? undefined : undecidedIn(post);
    },
    setTrigger(to, trigger) {
      const post = still(to);
      if (post === undefined) return;
      waiting.delete(post);
      post.trigger = trigger;
      renew(post);
    },
    reconsider(device) {
      const post = posts.get(device);
      if (post?.offer !== undefined) serve(post, post.offer);
    },
    poll,
    seen: (device) => touch(postOf(device)),
    takeSeen() {
      const seen = Array.from(seenNow, ({ device, seenMs }) => ({ device, atMs: seenMs }));
      seenNow.clear();
      return seen;
    },
    keepSeen(seen) {
      for (const { device } of seen) {
        const post = posts.get(device);
        // Its time has only risen meanwhile.
        if (post !== undefined) seenNow.add(post);
      }
    },
    close: () => closed.abort(),
  };
}

const sessionBytes = 8;

const nothing = answers(
  { offer: undefined, trigger: undefined, newest: undefined },
  { updateMode: 'client-initiated' },
);
