/**
 * A hash-based key as files: the secret, beside it the ledger of its leaves (`author.leaves` for
 * `author.pem`), and somewhere else, where its owner wanted one, the mark by which a ledger that was put
 * back is noticed.
 * The key's file says where the mark is, so nobody can forget to hold the ledger against it.
 */

import { dirname, resolve } from 'node:path';
import { beginMarkFile, leafFile, markFile } from '@lapel/author/hss-state';
import type { HssLevel, LeafLedger, OnGrown, SigningKey } from '@lapel/cose';
import { CoseError, LedgerError, beginLedger, hssSigningKey, openLedger } from '@lapel/cose';

/** Levels by the number of signatures. Signatures of one level fit the envelope of a small device. */
export const levelsByLeaves: ReadonlyMap<string, readonly HssLevel[]> = new Map([
  ['32', levels(5)],
  ['1024', levels(10)],
  ['32768', levels(15)],
  ['1048576', levels(10, 10)],
]);

/** Digits of 4 bits: twice as long as with 8, and eight times as fast. */
function levels(...heights: readonly HssLevel['height'][]): readonly HssLevel[] {
  return heights.map((height) => ({ height, digitBits: 4, hashBytes: 32 }));
}

export const ledgerOf = (file: string): string => `${file.replace(/\.pem$/, '')}.leaves`;

/** Told of what takes time, and of what is used up. */
export interface Watching {
  readonly onGrown?: OnGrown;
  readonly onSpent?: (spent: number, leaves: number) => void;
}

const [begin, end] = ['-----BEGIN LAPEL HSS-LMS SECRET-----', '-----END LAPEL HSS-LMS SECRET-----'];
const lineLength = 64;

export const isHashBased = (text: string): boolean => text.includes(begin);

/** Whether a copy of this folder holds the mark, too. */
export const isBeside = (file: string, mark: string): boolean =>
  dirname(resolve(file)) === dirname(resolve(mark));

/** What the key's file holds. */
export function hashBasedKeyText(secret: Uint8Array, mark: string | undefined): string {
  const base64 = Buffer.from(secret).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  const told = mark === undefined ? [] : [`Mark: ${resolve(mark)}`];
  const about =
    'Each signature uses up a leaf. Never sign with a copy of this key: the ledger beside it counts.';
  return [about, ...told, begin, ...lines, end, ''].join('\n');
}

/** Begins ledger and mark of a new key, and returns it. @throws {LedgerError} where there is one of them. */
export function beginHashBasedKey(file: string, secret: Uint8Array, mark: string | undefined): SigningKey {
  if (mark !== undefined) beginMarkFile(mark);
  return hssSigningKey(secret, (kid) => {
    beginLedger(leafFile(ledgerOf(file)), kid);
    return watched(file, kid, mark, {});
  });
}

/** @throws {CoseError} where the text is no such key. */
export function readHashBasedKey(file: string, text: string, watching: Watching = {}): SigningKey {
  const body = text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)).replaceAll(/\s/g, '');
  if (!text.includes(end) || !/^[A-Za-z0-9+/]+={0,2}$/.test(body)) {
    throw new CoseError('malformed', `${file}: expected a hash-based key, found a damaged one`);
  }
  const mark = /^Mark: (.+)$/m.exec(text)?.[1];
  const secret = new Uint8Array(Buffer.from(body, 'base64'));
  return hssSigningKey(secret, (kid) => watched(file, kid, mark, watching), watching.onGrown);
}

function watched(file: string, kid: Uint8Array, mark: string | undefined, { onSpent }: Watching): LeafLedger {
  const path = ledgerOf(file);
  const ledger = openLedger(leafFile(path), kid, mark === undefined ? undefined : markFile(mark));
  return {
    reserve(leaves) {
      try {
        const leaf = ledger.reserve(leaves);
        onSpent?.(leaf + 1, leaves);
        return leaf;
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        throw new LedgerError(error.kind, `${path}: ${error.message}`, { cause: error });
      }
    },
  };
}
