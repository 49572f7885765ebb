/** Requests with quick blocks (RFC 9177), in either direction, and what is answered to them. */
import { Problem } from '../problem.ts';
import type { Clock } from '../system.ts';
import type { Block } from './block-option.ts';
import type { Answer, Sender } from './carrier.ts';
import { responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { optionValue } from './option.ts';
import { quickBodies } from './quick-body-server.ts';
import { readQuick } from './quick-block.ts';
import type { QuickTimes } from './quick-block.ts';
import { serveQuickUploads } from './quick-upload-server.ts';
import type { Begin, UploadLimits } from './upload-server.ts';

export const isQuickRequest = ({ options }: Content): boolean =>
  optionValue(options, 'qBlock1') !== undefined || optionValue(options, 'qBlock2') !== undefined;

/** What the request is about, as the one who knows the Handler does it. */
export interface QuickService<T> {
  readonly begin: Begin<T>;
  readonly retrieve: (block: Block) => Promise<Content>;
  /** The first message of an answer, in blocks as large as those that the client sends. */
  readonly answered: (answer: T, block: Block) => Content;
}

export function serveQuickly<T>(options: {
  readonly clock: Clock;
  readonly limits: UploadLimits;
  readonly times: QuickTimes;
  readonly onBug: (error: unknown) => void;
}) {
  const uploads = serveQuickUploads<T>(options);
  const bodies = quickBodies(options);

  /** @throws {Problem} */
  return async (request: Content, sender: Sender, key: string, service: QuickService<T>): Promise<Answer> => {
    const { begin, retrieve, answered } = service;
    // §4.1: in one message there are quick blocks or others, not both.
    if (['block1', 'block2'].some((name) => optionValue(request.options, name as 'block1') !== undefined))
      return mixed;
    const [up, down] = [readQuick(request.options, 'qBlock1'), readQuick(request.options, 'qBlock2')];
    if (up === 'malformed' || down === 'malformed')
      throw new Problem('bad-request', 'expected a size of blocks of 0 to 6, found 7');
    const [block] = up;
    if (block === undefined) return bodies({ sender, key, blocks: down, retrieve });
    const outcome = await uploads({ request, sender, key, block }, begin);
    return 'said' in outcome
      ? outcome.said
      : answered(outcome.answer, { number: 0, more: false, szx: block.szx });
  };
}

const mixed: Content = { code: responseCodes.badOption, options: [], payload: new Uint8Array(0) };
