/**
 * A body on its way to the server, block by block (RFC 7959 §2.5), each of which the server answers.
 */
import { TransportError } from '../transport-error.ts';
import { blockBytes, blockNumberMax, blockOption, readBlock } from './block-option.ts';
import type { Ask } from './carrier.ts';
import { responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import type { Option } from './option.ts';
import { uint } from './option.ts';
import type { Pieces } from './pieces.ts';

export interface Upload {
  readonly ask: Ask;
  readonly base: Content;
  /** Those of `base`, and the tag that keeps this body apart from every other one (RFC 9175 §3). */
  readonly options: readonly Option[];
  readonly signal: AbortSignal;
  readonly szx: number;
  /** Of the body, where it is known. */
  readonly size: number | undefined;
  /** What the request says of its answer: the size of its blocks (§2.4). */
  readonly wanted: readonly Option[];
}

/**
 * The answer to the last block, or the one that made the rest superfluous; and the options that a request for
 * more of that answer repeats (§2.7).
 */
export interface Uploaded {
  readonly answer: Content;
  readonly options: readonly Option[];
}

/** @throws {TransportError} where no answer comes */
export async function uploadInBlocks(
  { ask, base, options, signal, szx: szxWanted, size, wanted }: Upload,
  pieces: Pieces,
): Promise<Uploaded> {
  const declared = size === undefined ? [] : [uint('size1', size)];
  let szx = szxWanted;
  let at = 0;
  for (;;) {
    const { bytes: payload, more } = await pieces.next(blockBytes(szx));
    // What fits into one block goes without the option (§2.2).
    if (at === 0 && !more) {
      const asked = inOrder([...base.options, ...wanted]);
      return { answer: await ask({ ...base, options: asked, payload }, signal), options };
    }
    const block = { number: at / blockBytes(szx), more, szx };
    if (block.number > blockNumberMax)
      throw new RangeError('expected a body that the numbers of its blocks can count, found a larger one');
    const told = [...(at === 0 ? declared : []), ...(more ? [] : wanted)];
    const asked = [...options, blockOption('block1', block), ...told];
    const answer = await ask({ ...base, options: inOrder(asked), payload }, signal);
    const preferred = preferredSzx(answer, szx);
    // §2.9.3: too large, but for smaller blocks.
    if (answer.code === responseCodes.requestEntityTooLarge && at === 0 && preferred < szx) {
      pieces.takeBack(payload, 0);
      szx = preferred;
      continue;
    }
    if (answer.code !== responseCodes.continue) return { answer, options };
    if (!more) throw new TransportError('malformed', 'expected an answer to the last block, found 2.31');
    at += payload.length;
    // Blocks of an upload stay single on a stream too: libcoap waits for ever where BERT (RFC 8323 §6) begins
    // in the middle of one.
    szx = preferred;
  }
}

/** §2.3: the server may want smaller blocks from now on, never larger ones. */
function preferredSzx({ options }: Content, szx: number): number {
  const block = readBlock(options, 'block1');
  if (block === 'malformed') throw new TransportError('malformed', 'expected a size of blocks, found 7');
  return Math.min(block?.szx ?? szx, szx);
}
