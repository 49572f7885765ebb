/** Shows how far a long file is read, at each percent. */

import { basename } from 'node:path';
import type { Terminal } from './terminal.ts';
import { progressLine } from './terminal.ts';

/** Below this a file is read before anybody could see it. */
const shownBytesMin = 64 * 1024 * 1024;

export type Watching = (path: string, doneBytes: number, sizeBytes: number) => void;

export function shownOn(terminal: Terminal): Watching {
  let shown = '';
  return (path, doneBytes, sizeBytes) => {
    if (sizeBytes < shownBytesMin) return;
    const now = `${path} ${Math.floor((100 * doneBytes) / sizeBytes)}`;
    if (now === shown) return;
    shown = now;
    terminal.move(
      doneBytes >= sizeBytes ? '' : progressLine(doneBytes / sizeBytes, `reading ${basename(path)}`),
    );
  };
}
