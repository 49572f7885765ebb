/**
 * A firmware server asked for the latest (draft-zhu §3.1, client-initiated; RFC 9019 §9, first flow): no
 * tracker, nobody to tell. Such a device confirms by self-test.
 */

import { hex } from '@lapel/cbor';
import { uuidText } from '@lapel/suit';
import type { Handler } from '@lapel/transport';
import { TransportError, collect, discard, request } from '@lapel/transport';
import type { UpdateSource } from './update-source.ts';

export interface ServerSourceOptions {
  readonly handler: Handler;
  /** The server's own address, such as `https://firmware.example`. */
  readonly origin: string;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  /** Digest of the manifest that runs: nothing is transferred while it is the latest. */
  readonly running: Uint8Array;
  readonly envelopeBytesMax: number;
}

export function serverSource(options: ServerSourceOptions): UpdateSource {
  const { handler, origin, envelopeBytesMax } = options;
  const path = `/latest/${uuidText(options.vendor)}/${uuidText(options.class)}`;
  const running = hex(options.running);
  let seen = running;
  return {
    announce: async () => false,
    report: async () => undefined,
    postpone: () => void (seen = running),
    async next(signal) {
      const response = await handler(request('GET', path, { signal, ifNoneMatch: seen }));
      if (response.status !== 'ok') {
        await discard(response.body);
        if (response.status === 'valid' || response.status === 'not-found') return undefined;
        throw new TransportError('no-answer', `expected the latest manifest, found ${response.status}`);
      }
      const envelope = await collect(response.body, envelopeBytesMax);
      if (response.etag !== undefined) seen = response.etag;
      return { uri: `${origin}/manifests/latest`, envelope, binding: {} };
    },
  };
}
