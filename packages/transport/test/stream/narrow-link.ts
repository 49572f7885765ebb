/** Two ends of a narrow link that loses, doubles, delays and swaps chunks under a seed, and can be cut. */
import type { Clock, Random } from '@lapel/transport';
import type { ByteLine, Chunks } from '@lapel/transport/stream';
import type { Weather } from '../coap/lossy-link.ts';
import { lossyLink } from '../coap/lossy-link.ts';

export interface NarrowLink {
  readonly clock: Clock;
  readonly random: Random;
  readonly ends: readonly [Chunks, Chunks];
  /** Chunks that were sent, by both ends. */
  readonly sent: readonly { readonly atMs: number; readonly from: string; readonly bytes: Uint8Array }[];
  /** While it is false, nothing arrives. */
  isUp: boolean;
}

/** @param bytesMax of a chunk, as the radio has it */
export function narrowLink(seed: number, bytesMax: number, weather: Weather = {}): NarrowLink {
  const link = lossyLink(seed, weather);
  const end = (own: string, other: string): Chunks => {
    const datagrams = link.open(own);
    return {
      bytesMax,
      async send(bytes) {
        if (bytes.length > bytesMax)
          throw new RangeError(`expected ${bytesMax} bytes, found ${bytes.length}`);
        datagrams.send(bytes, other);
      },
      listen: (take) =>
        datagrams.listen(
          (bytes) => narrow.isUp && take(bytes),
          () => undefined,
        ),
    };
  };
  const narrow: NarrowLink = { ...link, ends: [end('a', 'b'), end('b', 'a')], isUp: true };
  return narrow;
}

/** The same as a line that carries bytes, cut into pieces anywhere. */
export function asLine({ bytesMax, send, listen }: Chunks): ByteLine {
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; at += bytesMax) await send(bytes.subarray(at, at + bytesMax));
    },
    listen,
  };
}
