/**
 * Who shares a secret with this gateway (RFC 8613): devices on its own side, and a server upstream. OSCORE
 * ends here, as a cache can't keep what it can't read; what must hold from the author to the device is the
 * manifest's signature, which goes through untouched. A secret is for one pair only: known to the tracker as
 * well, it would have two servers answer under one nonce.
 */
import type { SharedSecret } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import type { FindContext, OscoreContext } from '@lapel/transport/coap';
import { oscoreContext, secretOf } from '@lapel/transport/oscore';
import { openOscoreNumbers } from './oscore-numbers.ts';

export interface NeighboursOptions {
  readonly folder: string;
  /** As each device has it, by what it is called here. */
  readonly devices: readonly { readonly id: string; readonly secret: SharedSecret }[];
  /** As the gateway has it, being to the server upstream what a device is. */
  readonly upstream?: SharedSecret;
  readonly clock: Clock;
}

export interface Neighbours {
  readonly find: FindContext;
  readonly upstream: OscoreContext | undefined;
  close(): void;
}

/** Of contexts, about 1 KiB each, which all are held. */
const devicesMax = 65_536;
/** Servers send under numbers of their own seldom: at a start of theirs, and when there is news. */
const step = 64;

/** @throws {FolderInUse}; {RangeError} where two secrets could not be told apart, or one is none */
export async function openNeighbours(options: NeighboursOptions): Promise<Neighbours> {
  const { folder, devices, upstream, clock } = options;
  if (devices.length > devicesMax)
    throw new RangeError(`expected at most ${devicesMax} devices with secrets, found ${devices.length}`);
  const numbers = await openOscoreNumbers(folder, clock);
  try {
    const byName = new Map<string, OscoreContext>();
    for (const { id, secret } of devices) {
      const peer = { id, roles: ['device'] };
      // One process has the folder, and the replay window is its own: it answers under a request's nonce.
      const context = oscoreContext({ ...secretOf(secret, 'server'), store: numbers, step, peer });
      const before = byName.get(context.name);
      if (before !== undefined)
        throw new RangeError(
          `expected a sender_id for each device, found one for ${before.peer?.id} and ${id}`,
        );
      byName.set(context.name, context);
    }
    return {
      find: (name) => byName.get(name),
      upstream:
        upstream === undefined
          ? undefined
          : oscoreContext({ ...secretOf(upstream, 'device'), store: numbers }),
      close: numbers.close,
    };
  } catch (error) {
    numbers.close();
    throw error;
  }
}
