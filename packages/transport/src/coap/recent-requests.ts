/**
 * Deduplication (RFC 7252 §4.5): requests that were heard lately, each with what was sent back, so that a
 * copy is answered with a copy and acted on once. Bounded in time and in bytes: where memory is short, the
 * oldest are forgotten first.
 */
import type { Clock } from '../system.ts';

export interface RecentRequest {
  readonly atMs: number;
  readonly lifetimeMs: number;
  /** The acknowledgement, or whatever was the last word on it; undefined while there is none. */
  reply: Uint8Array | undefined;
  bytes: number;
  isForgotten: boolean;
}

export interface RecentRequests {
  find(key: string): RecentRequest | undefined;
  begin(key: string, lifetimeMs: number): RecentRequest;
  reply(request: RecentRequest, bytes: Uint8Array): void;
  /** A request that may be served twice as well as once needs no memory once it was answered (§4.5). */
  forget(key: string): void;
}

/** What an entry costs beside its reply. */
const entryBytes = 256;

export function recentRequests(clock: Clock, bytesMax: number): RecentRequests {
  const byKey = new Map<string, RecentRequest>();
  let bytes = 0;

  function forget(key: string): void {
    const request = byKey.get(key);
    if (request === undefined) return;
    request.isForgotten = true;
    bytes -= request.bytes;
    byKey.delete(key);
  }

  function shrink(): void {
    const now = clock.monotonicMs();
    for (const [key, { atMs, lifetimeMs }] of byKey) {
      if (bytes <= bytesMax && now - atMs < lifetimeMs) break;
      forget(key);
    }
  }

  return {
    find(key) {
      const found = byKey.get(key);
      if (found === undefined || clock.monotonicMs() - found.atMs < found.lifetimeMs) return found;
      forget(key);
      return undefined;
    },
    begin(key, lifetimeMs) {
      const request: RecentRequest = {
        atMs: clock.monotonicMs(),
        lifetimeMs,
        reply: undefined,
        bytes: entryBytes,
        isForgotten: false,
      };
      byKey.set(key, request);
      bytes += entryBytes;
      shrink();
      return request;
    },
    reply(request, reply) {
      const before = request.reply?.length ?? 0;
      request.reply = reply;
      // What was forgotten meanwhile counts no longer.
      if (request.isForgotten) return;
      request.bytes += reply.length - before;
      bytes += reply.length - before;
      shrink();
    },
    forget,
  };
}
