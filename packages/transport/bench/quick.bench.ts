/**
 * Blocks in sets (RFC 9177) against one block after the other (RFC 7959), over links that are slow and lose:
 * the time that a transfer takes, which is made and not waited for, under the same seeds.
 */
import { collect, request } from '@lapel/transport';
import {
  blockClient,
  blockServer,
  createEndpoint,
  quickTimes,
  transmissionDefaults,
} from '@lapel/transport/coap';
import type { Figure } from '../../../tools/figure.ts';
import { lossyLink } from '../test/coap/lossy-link.ts';
import { imageOf, resources } from '../test/coap/resources.ts';

const imageBytes = 128 * 1024;
/** Links of one kind; their times are added. */
const seeds = [1, 2, 3];
const image = imageOf(imageBytes);
const onBug = (error: unknown): never => {
  throw error;
};
/** Patient, so that a link that loses a fifth is measured and not given up. */
const transmission = { ...transmissionDefaults, maxRetransmit: 8 };

/** Seconds of the link's own clock. */
async function transferSeconds(
  seed: number,
  loss: number,
  delayMs: number,
  isQuick: boolean,
): Promise<number> {
  const link = lossyLink(seed, { loss, delayMs: [delayMs, delayMs] });
  const { clock, random } = link;
  const common = { clock, random, onBug };
  const { handler } = resources(new Map([['image', { bytes: image, etag: 'v1' }]]));
  const respond = blockServer(handler, { ...common, quick: quickTimes(transmission, random) });
  createEndpoint({ ...common, transmission, datagrams: link.open('server'), respond });
  const endpoint = createEndpoint({ ...common, transmission, datagrams: link.open('client') });
  const burst = isQuick ? endpoint.burst('server') : undefined;
  const client = blockClient(endpoint.ask('server'), { random, transmission, burst });
  const { body } = await client(request('GET', '/ranged/image'));
  const { length } = await collect(body, imageBytes);
  if (length !== imageBytes) throw new RangeError(`expected ${imageBytes} bytes, found ${length}`);
  return clock.monotonicMs() / 1000;
}

async function total(loss: number, delayMs: number, isQuick: boolean): Promise<number> {
  let seconds = 0;
  for (const seed of seeds) seconds += await transferSeconds(seed, loss, delayMs, isQuick);
  return seconds;
}

/** What is lost costs both the same pause; what is gained is the way there and back for each block. */
const aims = new Map([
  [50, 1.5],
  [500, 3],
]);

export const figures: readonly Figure[] = [...aims].flatMap(([delayMs, atLeast]) =>
  [0, 0.01, 0.05, 0.1, 0.2].map((loss) => ({
    room: 'transport',
    name: `128 KiB in sets of blocks, ${delayMs} ms each way, ${loss * 100} % lost`,
    unit: '× as fast as one block after the other',
    aim: `≥ ${atLeast}`,
    atLeast,
    measure: async () => (await total(loss, delayMs, false)) / (await total(loss, delayMs, true)),
  })),
);
