/**
 * What a narrow link carries: chunks of a few bytes, each of which arrives whole or not at all, perhaps
 * twice, perhaps late. A serial port becomes such a link by frames, a radio by a checksum behind each
 * chunk.
 */
import { checksum, encodeFrame, frameReader } from '../frame.ts';

export interface Chunks {
  /** Bytes of the largest chunk. */
  readonly bytesMax: number;
  /**
   * Resolves when the chunk is on its way: a link that may not send yet takes its time. It never rejects.
   */
  send(chunk: Uint8Array): Promise<void>;
  /** Called once, before the first chunk. */
  listen(take: (chunk: Uint8Array) => void): void;
}

/** A line that carries bytes, and loses or changes some: a serial port, a socket. */
export interface ByteLine {
  /** Resolves when the line takes more. It never rejects: what is lost is sent again. */
  write(bytes: Uint8Array): Promise<void>;
  /** Called once, before the first byte. */
  listen(take: (bytes: Uint8Array) => void): void;
}

/** Of a frame on a serial line; an answer of CoAP with a block of 1024 bytes takes five. */
export const lineChunkBytes = 240;

/** Chunks as frames on a line (`frame.ts`): a reader that has lost its place finds it at the next one. */
export function onLine(line: ByteLine, bytesMax = lineChunkBytes): Chunks {
  const reader = frameReader(bytesMax);
  return {
    bytesMax,
    send: (chunk) => line.write(encodeFrame(chunk)),
    listen: (take) => line.listen((bytes) => reader.push(bytes).forEach((chunk) => take(chunk))),
  };
}

const checksumBytes = 4;

/**
 * Chunks of a radio, such as the 20 bytes of a notification of Bluetooth Low Energy or the 51 bytes of a
 * slow downlink of LoRaWAN. Their borders are the radio's; the checksum finds what its own has let pass.
 */
export function onRadio(radio: Chunks): Chunks {
  return {
    bytesMax: radio.bytesMax - checksumBytes,
    async send(chunk) {
      const sealed = new Uint8Array(chunk.length + checksumBytes);
      sealed.set(chunk);
      new DataView(sealed.buffer).setUint32(chunk.length, checksum(chunk));
      await radio.send(sealed);
    },
    listen: (take) =>
      radio.listen((sealed) => {
        const length = sealed.length - checksumBytes;
        if (length <= 0 || sealed.length > radio.bytesMax) return;
        const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.length);
        const chunk = sealed.subarray(0, length);
        if (view.getUint32(length) === checksum(chunk)) take(chunk);
      }),
  };
}
