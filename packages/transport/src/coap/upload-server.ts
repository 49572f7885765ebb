/**
 * Uploads in blocks (RFC 7959 §2.5), each a stream into the Handler: a block is answered when the Handler has
 * taken it, so that nothing piles up, and a Handler that refuses is heard at once, not behind the last block.
 */
import { bytesBody } from '../body.ts';
import type { Body } from '../exchange.ts';
import { Problem } from '../problem.ts';
import type { Clock } from '../system.ts';
import type { Block } from './block-option.ts';
import { blockBytes, isItsSize, offsetOf } from './block-option.ts';
import type { Sender } from './carrier.ts';
import { responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { uintOption } from './option.ts';
import { handover } from './handover.ts';
import type { Handover } from './handover.ts';

/** Longer than a message that is sent again twice (RFC 7252 §4.8). */
const patienceMs = 15_000;

interface Upload<T> {
  readonly sender: string;
  readonly format: number | undefined;
  readonly body: Handover;
  readonly answer: Promise<T>;
  received: number;
  lastMs: number;
  readonly stop: AbortController;
}

export interface UploadPart {
  readonly request: Content;
  readonly sender: Sender;
  /** What all blocks of one body share. */
  readonly key: string;
  readonly block: Block | undefined;
}

export type Begin<T> = (body: Body, size: number | undefined, signal: AbortSignal) => Promise<T>;

/** The code that says how to go on, or the Handler's answer. */
export type Outcome<T> = { readonly code: number } | { readonly answer: T };

export interface UploadLimits {
  readonly uploadsMax: number;
  readonly uploadsPerSenderMax: number;
  readonly idleMsMax: number;
}

export function serveUploads<T>({
  clock,
  limits,
  onBug,
}: {
  readonly clock: Clock;
  readonly limits: UploadLimits;
  readonly onBug: (error: unknown) => void;
}): (part: UploadPart, begin: Begin<T>) => Promise<Outcome<T>> {
  const uploads = new Map<string, Upload<T>>();

  function begun({ request, sender, key }: UploadPart, begin: Begin<T>): Upload<T> {
    // §2.5: a new one to the same resource takes the place of the old one.
    give(key, 'another upload has taken its place');
    const own = [...uploads.values()].filter((one) => one.sender === sender.key);
    if (uploads.size >= limits.uploadsMax) giveWayOfSlowest();
    if (uploads.size >= limits.uploadsMax || own.length >= limits.uploadsPerSenderMax)
      throw new Problem('unavailable', 'expected fewer uploads at once, found too many');
    const stop = new AbortController();
    const body = handover();
    const size = uintOption(request.options, 'size1');
    const answer = begin(body, size, AbortSignal.any([stop.signal, sender.signal]));
    const format = uintOption(request.options, 'contentFormat');
    const upload = { sender: sender.key, format, body, answer, received: 0, lastMs: 0, stop };
    uploads.set(key, upload);
    answer.then(
      () => body.refuse(),
      () => body.refuse(),
    );
    watch(key, upload, sender.signal).catch(onBug);
    return upload;
  }

  /**
   * Where there are too many, whoever was silent longest makes room, unless that is a link's usual pause: a
   * few who send a block now and then must not keep out everybody else.
   */
  function giveWayOfSlowest(): void {
    let slowest: string | undefined;
    let silentMs = patienceMs;
    for (const [key, { lastMs }] of uploads) {
      const ms = clock.monotonicMs() - lastMs;
      if (ms > silentMs) [slowest, silentMs] = [key, ms];
    }
    if (slowest !== undefined) give(slowest, 'others were waiting, and it was the slowest');
  }

  /** The Handler must not wait for ever on whoever does not come back. */
  async function watch(key: string, upload: Upload<T>, gone: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([upload.stop.signal, gone]);
    upload.lastMs = clock.monotonicMs();
    while (!upload.stop.signal.aborted) {
      const left = upload.lastMs + limits.idleMsMax - clock.monotonicMs();
      if (left <= 0) return give(key, 'its sender fell silent');
      await clock.sleep(left, ended).catch(() => undefined);
      if (gone.aborted)
        return uploads.get(key) === upload ? give(key, 'its connection has ended') : undefined;
    }
  }

  function give(key: string, why: string): void {
    const upload = uploads.get(key);
    if (upload === undefined) return;
    uploads.delete(key);
    const problem = new Problem('bad-request', `expected the whole body, found its beginning: ${why}`);
    upload.answer.catch(() => undefined);
    upload.body.fail(problem);
    upload.stop.abort(problem);
  }

  /** Nothing is left to wait for. */
  function ended(key: string, upload: Upload<T>): void {
    if (uploads.get(key) === upload) uploads.delete(key);
    upload.stop.abort(new Problem('bad-request', 'the upload is over'));
  }

  return async (part, begin) => {
    const { request, sender, key, block } = part;
    const { payload } = request;
    if (block === undefined)
      return { answer: await begin(bytesBody(payload), payload.length, sender.signal) };
    requireItsSize(block, payload, sender.bertBytes);
    const upload = block.number === 0 ? begun(part, begin) : uploads.get(key);
    const offset = offsetOf(block);
    // A block that came before, asked for again under a new number of the message.
    if (upload !== undefined && block.more && offset + payload.length === upload.received) return continued;
    if (upload === undefined || upload.received !== offset || upload.format !== formatOf(request))
      return incomplete;
    upload.received += payload.length;
    upload.lastMs = clock.monotonicMs();
    const isWanted = await (block.more ? upload.body.give(payload) : upload.body.giveLast(payload));
    // A Handler that reads no further has its answer, or will have it without the rest.
    if (block.more && isWanted) return continued;
    try {
      return { answer: await upload.answer };
    } finally {
      ended(key, upload);
    }
  };
}

const formatOf = ({ options }: Content) => uintOption(options, 'contentFormat');

/** §2.9.1, §2.9.2. */
const continued = { code: responseCodes.continue };
const incomplete = { code: responseCodes.requestEntityIncomplete };

/** §2.3: a block that others follow has its full size. */
function requireItsSize(block: Block, payload: Uint8Array, bertBytes: number | undefined): void {
  if (!isItsSize(block, payload.length, bertBytes))
    throw new Problem(
      'bad-request',
      `expected a block of ${blockBytes(block.szx)} bytes, found ${payload.length}`,
    );
}
