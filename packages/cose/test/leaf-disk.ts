/**
 * A disk on which a ledger lives, as a file system promises it and no better: what is not synced may be lost
 * or torn, a new name may be forgotten until the folder is synced, and a lock dies with its holder.
 */

import type { HighWaterMark, LeafStore } from '@lapel/cose';

/** How a signer ends between two steps. Only power that fails hurts the disk. */
export interface End {
  readonly power: 'stays' | 'fails';
  /** Whether a new name that was not synced survived. */
  readonly namesSurvive: boolean;
  /** Whether content that was not synced survived whole, or torn. */
  readonly contentSurvives: boolean;
}

export const ends: readonly End[] = [
  { power: 'stays', namesSurvive: true, contentSurvives: true },
  ...[true, false].flatMap((namesSurvive) =>
    [true, false].map((contentSurvives) => ({ power: 'fails' as const, namesSurvive, contentSurvives })),
  ),
];

/** What a signer meets instead of its next step. */
export class Cut extends Error {}

interface Content {
  bytes: Uint8Array;
  synced: boolean;
}

interface Names {
  readonly state?: Content;
  readonly aside?: Content;
}

export interface Disk {
  /** A signer's own access; `beforeStep` is called before each step, and what it throws ends the signer. */
  access(beforeStep: () => void): { readonly store: LeafStore; readonly mark: HighWaterMark };
  /** The signer that was cut is gone. */
  end(end: End): void;
  copy(): Uint8Array | undefined;
  putBack(content: Uint8Array | undefined): void;
}

/** @param forgetful a disk that says it has synced the folder, and has not. */
export function createDisk({ forgetful = false }: { readonly forgetful?: boolean } = {}): Disk {
  let durable: Names = {};
  let names: Names = {};
  let holder: object | undefined;
  let highest = 0;

  return {
    access(beforeStep) {
      const own = {};
      let isCut = false;
      const step =
        <A extends readonly unknown[], R>(act: (...args: A) => R) =>
        (...args: A): R => {
          if (isCut) throw new Cut();
          try {
            beforeStep();
          } catch (error) {
            isCut = error instanceof Cut;
            throw error;
          }
          return act(...args);
        };
      const store: LeafStore = {
        lock: step(() => (holder ??= own) === own),
        unlock: step(() => {
          if (holder === own) holder = undefined;
        }),
        read: step(() => names.state?.bytes),
        writeAside: step((bytes: Uint8Array) => {
          names = { ...names, aside: { bytes, synced: false } };
        }),
        syncAside: step(() => {
          if (names.aside !== undefined) names.aside.synced = true;
        }),
        replace: step(() => {
          names = names.aside === undefined ? names : { state: names.aside };
        }),
        syncFolder: step(() => {
          if (!forgetful) durable = names;
        }),
      };
      const mark: HighWaterMark = {
        read: step(() => highest),
        raise: step((next: number) => {
          highest = Math.max(highest, next);
        }),
      };
      return { store, mark };
    },
    end({ power, namesSurvive, contentSurvives }) {
      holder = undefined;
      if (power === 'stays') return;
      names = namesSurvive ? names : durable;
      for (const content of [names.state, names.aside]) {
        if (content === undefined || content.synced || contentSurvives) continue;
        content.bytes = content.bytes.subarray(0, content.bytes.length >> 1);
      }
      durable = names;
    },
    copy: () => names.state?.bytes,
    putBack(bytes) {
      names = bytes === undefined ? {} : { state: { bytes, synced: true } };
      durable = names;
    },
  };
}
