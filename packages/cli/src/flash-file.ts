/**
 * A device's flash in a file, so that a person can start the device, kill it, and start it again. Every change is written
 * through at once: what the operating system has taken survives the process.
 */

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import type { NorFlashOptions } from '@lapel/simulator';

export interface FlashFile extends Pick<NorFlashOptions, 'content' | 'onChange'> {
  close(): void;
}

/** Opens the file, or makes it at the first change. */
export function openFlashFile(path: string, sizeBytes: number): FlashFile {
  const content = existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
  if (content === undefined)
    writeFileSync(path, new Uint8Array(sizeBytes).fill(0xff), { flag: 'wx', mode: 0o600 });
  const file = openSync(path, 'r+');
  return {
    ...(content === undefined ? {} : { content }),
    onChange: (address, bytes) => void writeSync(file, bytes, 0, bytes.length, address),
    close() {
      fsyncSync(file);
      closeSync(file);
    },
  };
}
