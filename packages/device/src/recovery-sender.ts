/**
 * The other end of a recovery: whoever stands beside the device with a signed envelope and its image. It
 * sends what the loader wants, from where the loader wants it. It has no clock either: who hears nothing for
 * a while calls `repeat`.
 */

import type { ReportReason, Stage } from '@lapel/suit';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import type { Firmware } from './firmware.ts';
import { imageOf } from './firmware.ts';
import type { RecoveryAnswer, Request } from './recovery-protocol.ts';
import {
  answerBytesMax,
  chunkBytesMax,
  decodeAnswer,
  encodeRequest,
  recoveryVersion,
} from './recovery-protocol.ts';

export type RecoveryState =
  | { readonly is: 'asking' }
  | {
      readonly is: 'sending';
      readonly what: 'envelope' | 'image';
      readonly offset: number;
      readonly sizeBytes: number;
    }
  /** The device boots it, on trial, when it restarts. */
  | { readonly is: 'done'; readonly slot: number; readonly sequenceNumber: number }
  | {
      readonly is: 'refused';
      readonly stage: Stage;
      readonly reason: ReportReason;
      readonly because: string;
    }
  | { readonly is: 'given-up'; readonly because: string };

export interface RecoverySender {
  /** Bytes that the line has brought, however they are cut. */
  receive(bytes: Uint8Array): void;
  /** Sends the last request again: nothing was heard of it. */
  repeat(): void;
  readonly state: RecoveryState;
}

/** Requests in a row without an answer, after which nobody is thought to be there. */
const repeatsMax = 100;
/** How often a device may begin anew: its power goes, too. */
const setbacksMax = 100;

/** @param send puts bytes on the line; the first at once. */
export function createRecoverySender(
  firmware: Firmware,
  send: (bytes: Uint8Array) => void,
  onState?: (state: RecoveryState) => void,
): RecoverySender {
  const reader = frameReader(answerBytesMax);
  let state: RecoveryState = { is: 'asking' };
  let [number, repeats, setbacks, reached] = [0, 0, 0, -1];
  let line: Uint8Array = new Uint8Array();
  let chunkBytes = chunkBytesMax;

  const become = (next: RecoveryState): void => {
    state = next;
    onState?.(next);
  };
  const giveUp = (because: string): void => become({ is: 'given-up', because });
  const ask = (request: Request): void => {
    line = encodeFrame(encodeRequest(++number, request));
    repeats = 0;
    send(line);
  };

  const sendPiece = (what: 'envelope' | 'image', offset: number, component = 0): void => {
    const content = what === 'envelope' ? firmware.envelope : imageOf(firmware, component);
    if (content === undefined) return giveUp(`expected an image of component ${component}, found none`);
    if (offset > content.length) {
      return giveUp(`expected the device to want one of ${content.length} bytes, found ${offset}`);
    }
    const position = what === 'image' ? firmware.envelope.length + component * 2 ** 32 + offset : offset;
    if (position <= reached && ++setbacks > setbacksMax) {
      return giveUp(`expected the device to go on, found it beginning anew ${setbacks} times`);
    }
    reached = position;
    become({ is: 'sending', what, offset, sizeBytes: content.length });
    const chunk = content.subarray(offset, offset + chunkBytes);
    const of = component === 0 ? {} : { component };
    ask({ name: what, sizeBytes: content.length, offset, content: chunk, ...of });
  };

  const follow = (answer: RecoveryAnswer): void => {
    switch (answer.name) {
      case 'device': {
        const complaint = tooLarge(firmware, answer);
        chunkBytes = Math.min(chunkBytesMax, answer.chunkBytesMax);
        return complaint === undefined ? sendPiece('envelope', 0) : giveUp(complaint);
      }
      case 'wants':
        return sendPiece(answer.what, answer.offset, answer.component);
      case 'done':
        return become({ is: 'done', slot: answer.slot, sequenceNumber: answer.sequenceNumber });
      case 'refused': {
        const { stage, reason, because } = answer;
        return become({ is: 'refused', stage, reason, because });
      }
    }
  };

  const isOver = () => state.is !== 'asking' && state.is !== 'sending';
  const hear = (payload: Uint8Array): void => {
    const heard = decodeAnswer(payload);
    if (isOver() || heard === undefined || heard.number !== number) return;
    if (heard.message !== undefined) follow(heard.message);
    else giveUp(`expected a bootloader with recovery ${recoveryVersion}, found one with ${heard.version}`);
  };

  ask({ name: 'hello' });
  return {
    receive: (bytes) => reader.push(bytes).forEach(hear),
    repeat() {
      if (isOver()) return;
      if (++repeats > repeatsMax)
        giveUp(`expected an answer of the device, found none to ${repeats} requests`);
      else send(line);
    },
    get state() {
      return state;
    },
  };
}

function tooLarge(
  { envelope, image }: Firmware,
  { envelopeBytesMax, imageBytesMax }: Extract<RecoveryAnswer, { readonly name: 'device' }>,
): string | undefined {
  if (envelope.length > envelopeBytesMax) {
    return `expected an envelope of at most ${envelopeBytesMax} bytes, found ${envelope.length}`;
  }
  if (image.length <= imageBytesMax) return undefined;
  return `expected an image of at most ${imageBytesMax} bytes, found ${image.length}`;
}
