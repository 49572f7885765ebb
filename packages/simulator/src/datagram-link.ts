/**
 * Datagrams over the air, under a seed: some are lost, doubled, late or swapped, and where the link is down
 * all of them. A NAT between forgets who is behind it.
 */

import type { Clock, Random } from '@lapel/transport';
import type { Datagrams } from '@lapel/transport/coap';

export interface DatagramLink {
  open(address: string): Datagrams;
}

export interface Weather {
  /** Shares of datagrams. */
  readonly loss?: number;
  readonly copies?: number;
  /** Under way at least, and at most: what varies swaps. */
  readonly delayMs?: readonly [least: number, most: number];
  readonly isUp?: () => boolean;
  /** One behind the other; as fast as it is asked to, where it is absent. */
  readonly bytesPerSecond?: number;
  /** Told of each that is sent. */
  readonly onSent?: (from: string, bytes: Uint8Array) => void;
}

export function datagramLink(clock: Clock, random: Random, weather: Weather = {}): DatagramLink {
  const { loss = 0, copies = 0, delayMs = [1, 1], isUp = () => true, bytesPerSecond = Infinity } = weather;
  const listeners = new Map<string, (bytes: Uint8Array, from: string) => void>();
  /** When what was sent last has left. */
  let freeMs = 0;

  async function carry(bytes: Uint8Array, from: string, to: string): Promise<void> {
    const [least, most] = delayMs;
    await clock.sleep(freeMs - clock.monotonicMs() + least + random.fraction() * (most - least));
    if (isUp()) listeners.get(to)?.(bytes, from);
  }

  return {
    open: (address) => ({
      send(bytes, to) {
        weather.onSent?.(address, bytes);
        freeMs = Math.max(freeMs, clock.monotonicMs()) + (bytes.length * 1000) / bytesPerSecond;
        if (!isUp() || random.fraction() < loss) return;
        void carry(bytes.slice(), address, to);
        if (random.fraction() < copies) void carry(bytes.slice(), address, to);
      },
      listen: (onDatagram) => void listeners.set(address, onDatagram),
      close: async () => void listeners.delete(address),
    }),
  };
}

export interface Nat extends DatagramLink {
  /** Bindings that it has made: each is another address to whoever is outside. */
  readonly bindings: number;
}

/**
 * Whoever opens this link is inside, and is seen outside under a binding that lives as long as something goes
 * out every now and then (RFC 4787 §4.3). What comes in does not prolong it, and finds nobody afterwards.
 */
export function natBefore(outside: DatagramLink, clock: Clock, idleMs: number): Nat {
  let bindings = 0;
  return {
    get bindings() {
      return bindings;
    },
    open() {
      let hear: Parameters<Datagrams['listen']> | undefined;
      let binding: { readonly datagrams: Datagrams; usedMs: number } | undefined;
      const isAlive = (): boolean => binding !== undefined && clock.monotonicMs() - binding.usedMs < idleMs;
      const bind = () => {
        const bound = { datagrams: outside.open(`nat:${(bindings += 1)}`), usedMs: clock.monotonicMs() };
        bound.datagrams.listen(
          (bytes, from) => {
            if (binding === bound && isAlive()) hear?.[0](bytes, from);
          },
          (error) => hear?.[1](error),
        );
        return bound;
      };
      return {
        send(bytes, to) {
          if (!isAlive()) {
            void binding?.datagrams.close();
            binding = bind();
          }
          if (binding === undefined) return;
          binding.usedMs = clock.monotonicMs();
          binding.datagrams.send(bytes, to);
        },
        listen: (...given) => void (hear = given),
        close: async () => binding?.datagrams.close(),
      };
    },
  };
}
