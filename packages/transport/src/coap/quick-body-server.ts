/**
 * Bodies in sets of blocks (RFC 9177 §4.4): one request, and a set goes out; the next follows when the client
 * has it, or after a pause. Who says nothing gets a few sets and then must ask.
 */
import { Problem } from '../problem.ts';
import type { Clock } from '../system.ts';
import { blockBytes, readBlock } from './block-option.ts';
import type { Block } from './block-option.ts';
import type { Answer, Sender } from './carrier.ts';
import { responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import { optionValue, uintOption, without } from './option.ts';
import { payloadsMax, quickOption, setEndOf, setsAheadMax } from './quick-block.ts';
import type { QuickTimes } from './quick-block.ts';
import { tagOf } from './request-options.ts';

/** Bodies that go on by themselves; whoever comes when there are so many asks for each set. */
const flowsMax = 1024;

interface Flow {
  readonly stop: AbortController;
  /** The block that the next set begins with. */
  next: number;
}

export interface QuickRequest {
  readonly sender: Sender;
  /** What all requests for one body share. */
  readonly key: string;
  readonly blocks: readonly Block[];
  /** One block, as the other binding has it: with Block2, and with the size of the body. */
  readonly retrieve: (block: Block) => Promise<Content>;
}

export function quickBodies({ clock, times }: { readonly clock: Clock; readonly times: QuickTimes }) {
  const flows = new Map<string, Flow>();

  /** §7.2: the whole set at once, and the next ones after a pause each, unless the client is heard first. */
  async function* sets(
    { key, retrieve, sender }: QuickRequest,
    numbers: readonly number[],
    first: Content,
    szx: number,
    flow: Flow | undefined,
  ): AsyncIterable<Content> {
    const end = endOf(first, szx);
    const tag = tagOf(first.options);
    const one = async (number: number): Promise<Content> =>
      asQuick(await retrieve({ number, more: false, szx }));
    try {
      let isSame = true;
      for (const number of numbers) {
        if (number >= end || !isSame) break;
        const content = await one(number);
        // §4.4: of what the resource has become the client is told, once; it then asks for all of that.
        isSame = tagOf(content.options) === tag;
        yield content;
      }
      if (flow === undefined || !isSame) return;
      for (let ahead = 1; ahead < setsAheadMax && flow.next < end; ahead++) {
        const signal = AbortSignal.any([flow.stop.signal, sender.signal]);
        await clock.sleep(times.pauseMs, signal).catch(() => undefined);
        for (const setEnd = Math.min(setEndOf(flow.next), end); flow.next < setEnd; flow.next++) {
          if (signal.aborted) return;
          const content = await one(flow.next);
          yield content;
          if (tagOf(content.options) !== tag) return;
        }
      }
    } finally {
      if (flow !== undefined && flows.get(key) === flow) flows.delete(key);
    }
  }

  function flowFrom(key: string, next: number | undefined): Flow | undefined {
    const before = flows.get(key);
    before?.stop.abort(new Error('the client was heard'));
    flows.delete(key);
    const from = next ?? before?.next;
    if (from === undefined || flows.size >= flowsMax) return undefined;
    const flow = { stop: new AbortController(), next: from };
    flows.set(key, flow);
    return flow;
  }

  return async (request: QuickRequest): Promise<Answer> => {
    const { sender, key, blocks, retrieve } = request;
    const { numbers, next } = wantedOf(blocks);
    const [number = 0] = numbers;
    const szx = blocks[0]?.szx ?? 0;
    const content = await retrieve({ number, more: false, szx });
    if (!isQuick(content)) return content;
    const first = asQuick(content);
    // A stranger gets one block, and the means to prove its address.
    if (sender.answerBytesMax !== undefined) return first;
    const flow = flowFrom(key, next);
    return { ...first, further: sets(request, numbers.slice(1), first, szx, flow) };
  };
}

/** §4.4: the blocks to be sent at once, and where a set follows them by itself. @throws {Problem} */
function wantedOf(blocks: readonly Block[]): {
  readonly numbers: readonly number[];
  readonly next: number | undefined;
} {
  const numbers: number[] = [];
  let next: number | undefined;
  blocks.forEach(({ number, more, szx }, at) => {
    const before = blocks[at - 1];
    if (before !== undefined && (before.number >= number || before.szx !== szx))
      throw new Problem('bad-request', 'expected the numbers of blocks in order, found another order');
    if (more && number % payloadsMax === 0) next = setEndOf(number);
    const end = more ? setEndOf(number) : number + 1;
    // What two options ask for is sent once, and no more than a set at a time.
    for (let one = Math.max(number, (numbers.at(-1) ?? -1) + 1); one < end; one++)
      if (numbers.length < payloadsMax) numbers.push(one);
  });
  return { numbers, next };
}

/** §4.4, §4.6: each block tells the version and the size; where nobody knows them, Block2 must do. */
function isQuick({ code, options }: Content): boolean {
  if (code !== responseCodes.content) return false;
  return ['etag', 'size2', 'block2'].every((name) => optionValue(options, name as 'etag') !== undefined);
}

function asQuick(content: Content): Content {
  const block = readBlock(content.options, 'block2');
  if (block === undefined || block === 'malformed') return content;
  return {
    ...content,
    options: inOrder([...without(content.options, 'block2'), quickOption('qBlock2', block)]),
  };
}

const endOf = ({ options }: Content, szx: number): number =>
  Math.ceil((uintOption(options, 'size2') ?? 0) / blockBytes(szx));
