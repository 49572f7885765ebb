/** The transparency log, for whoever wants to hold this tracker to what it has shown before. */
import { hex, read, unhex } from '@lapel/cbor';
import { LogEntry } from '../../transparency/tree-head.ts';
import type { LoggedEntry, TransparencyLog } from '../log.ts';
import * as answers from './answers.ts';
import type { ConsistencyQuery, InclusionQuery, LogQuery } from './questions.ts';
import * as questions from './questions.ts';
import type { Routes } from './route.ts';
import { readers } from './route.ts';

export const logRoutes = ({ log }: { readonly log: TransparencyLog }): Routes => ({
  'GET /log/head': {
    roles: readers,
    summary: 'How long the log is and its root, signed by the tracker; keep it to hold later ones against',
    answer: 'cose',
    run: async ({ reply }) => reply.type('application/cose').send(Buffer.from(await log.head())),
  },
  'GET /log/entries': {
    roles: readers,
    summary: 'Releases, campaigns and orders in the order in which they were logged',
    query: questions.LogQuery,
    answer: answers.LogEntries,
    run: async ({ request }) => {
      const { from, limit } = request.query as LogQuery;
      return { entries: (await log.entries(from, limit)).map((each, at) => entryJson(each, from + at)) };
    },
  },
  'GET /log/inclusion': {
    roles: readers,
    summary: 'Proves that an entry is among the first so many (RFC 9162 §2.1.3)',
    query: questions.InclusionQuery,
    answer: answers.Inclusion,
    run: async ({ request }) => {
      const { entry, size } = request.query as InclusionQuery;
      const { proof, ...place } = await log.inclusion(unhex(entry) ?? new Uint8Array(), size);
      return { ...place, proof: proof.map(hex) };
    },
  },
  'GET /log/consistency': {
    roles: readers,
    summary: 'Proves that the first so many were there before all others (RFC 9162 §2.1.4)',
    query: questions.ConsistencyQuery,
    answer: answers.Consistency,
    run: async ({ request }) => {
      const { from, size } = request.query as ConsistencyQuery;
      return { from, size, proof: (await log.consistency(from, size)).map(hex) };
    },
  },
});

function entryJson({ entry, atMs }: LoggedEntry, number: number) {
  const { kind, digest } = read(LogEntry, entry);
  return { number, entry: hex(entry), kind, digest: hex(digest), atMs };
}
