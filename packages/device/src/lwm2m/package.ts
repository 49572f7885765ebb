/**
 * How a package comes: pushed in blocks (Package, 5/0/0), or named by a URI (Package URI, 5/0/1). It is a
 * SUIT envelope, and nothing of it is believed here; it is bounded, and handed to the agent.
 */

import { Problem, collect, originOf } from '@lapel/transport';
import type { Network } from '../firmware-consumer/fetch.ts';
import type { FirmwareUpdate } from './firmware-update.ts';

/** Firmware Update Protocol Support (5/0/8), by the scheme of a URI. */
export const protocols = {
  coap: 0,
  coaps: 1,
  http: 2,
  https: 3,
  'coap+tcp': 4,
  'coaps+tcp': 5,
} as const;
export type Protocol = keyof typeof protocols;

/** Of a string resource with such a range, in bytes. */
const uriBytesMax = 255;

/** @throws {Problem} where it cannot be taken now, is longer than it may be, or does not arrive whole */
export async function receivePackage(
  update: FirmwareUpdate,
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<void> {
  let signal: AbortSignal | undefined;
  const watched = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    let length = 0;
    for await (const chunk of chunks) {
      length += chunk.length;
      // One byte may be the null that resets the machine.
      if (length > 1) signal ??= update.begin();
      if (signal?.aborted === true) throw gone();
      yield chunk;
    }
  };
  const failed = (result: 'out-of-ram' | 'connection-lost') => {
    if (signal?.aborted === false) update.take({ name: 'failed', result });
  };
  try {
    const envelope = await collect(watched(), bytesMax, (message) => {
      failed('out-of-ram');
      return new Problem('too-large', message, { limitBytes: bytesMax });
    });
    if (signal?.aborted === true) throw gone();
    if (signal !== undefined) return update.arrived(envelope);
    if (envelope[0] === undefined || envelope[0] === 0) return update.take({ name: 'reset' });
    signal = update.begin();
    update.arrived(envelope);
  } catch (error) {
    failed('connection-lost');
    throw error;
  }
}

const gone = () => new Problem('method-not-allowed', 'expected a package that is wanted, found it cancelled');

export interface Reachable {
  readonly protocols: readonly Protocol[];
  readonly network: Network;
}

/** Whatever is wrong with the URI itself is a result, which a server reads; so the definition has it. */
export function takePackageUri(update: FirmwareUpdate, uri: string, reachable: Reachable): void {
  const { length } = new TextEncoder().encode(uri);
  if (length > uriBytesMax)
    throw new Problem('bad-request', `expected a URI of at most ${uriBytesMax} bytes, found ${length}`);
  if (uri === '') return update.take({ name: 'reset' });
  update.begin(uri);
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const isSpoken = reachable.protocols.some((each) => url?.protocol === `${each}:`);
  if (url === undefined) update.take({ name: 'failed', result: 'invalid-uri' });
  else if (!isSpoken) update.take({ name: 'failed', result: 'unsupported-protocol' });
  else if (reachable.network(originOf(url)) === undefined)
    update.take({ name: 'failed', result: 'invalid-uri' });
}
