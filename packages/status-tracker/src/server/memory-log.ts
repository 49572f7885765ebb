/** A transparency log in memory. */
import { hex } from '@lapel/cbor';
import type { LogStore, LoggedEntry } from './log.ts';

export function logMethods(): LogStore {
  const entries: LoggedEntry[] = [];
  const places = new Map<string, number>();
  const nodes = new Map<string, Uint8Array>();
  return {
    logSize: async () => entries.length,
    async appendLog(size, added, filled) {
      if (size !== entries.length || added.some(({ hash }) => places.has(hex(hash)))) return false;
      for (const each of added) places.set(hex(each.hash), entries.push(each) - 1);
      for (const { level, index, hash } of filled) nodes.set(`${level}/${index}`, hash);
      return true;
    },
    logEntries: async (from, limit) => entries.slice(from, from + limit),
    logPlace: async (hash) => places.get(hex(hash)),
    async logNode(level, index) {
      const hash = nodes.get(`${level}/${index}`);
      if (hash === undefined) throw new RangeError(`expected a full node at ${level}/${index}, found none`);
      return hash;
    },
  };
}
