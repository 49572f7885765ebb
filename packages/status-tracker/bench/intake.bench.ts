/**
 * What the tracker takes in over HTTP: reports, each verified, held against its manifest and on the disk
 * before it is answered; and registrations by real clients, in a thread of their own.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { encodeSigningKey } from '@lapel/cose';
import { databases } from '../../../tools/bench-postgres.ts';
import type { Figure } from '../../../tools/figure.ts';
import { loadClient, requestBytes } from '../../../tools/http-load.ts';
import { mediaTypes } from '../src/protocol.ts';
import { c1 } from '../test/fleet-fixtures.ts';
import type { Database } from './fleet-over-http.ts';
import { addLamps, addOffers, bareVerificationsPerSecond, lamps, served } from './fleet-over-http.ts';
import type { Registering } from './register-clients.ts';

export const figures: readonly Figure[] = databases.flatMap((database): Figure[] => [
  {
    room: 'status-tracker',
    name: `reports taken in per second over HTTP, verified and durable, ${database}`,
    unit: '× bare verifications of their signatures',
    aim: '≥ 0.5',
    atLeast: 0.5,
    measure: () => intake(database),
  },
  {
    room: 'status-tracker',
    name: `registrations over HTTP with proof of possession, ${database}`,
    unit: 'per second',
    aim: '≥ 1000',
    atLeast: 1_000,
    measure: () => registrations(database),
  },
]);

const connections = 64;
const registering = 2_000;

function intake(database: Database): Promise<number> {
  const post = { 'content-type': mediaTypes.report };
  const requests = lamps().map(({ report }) => requestBytes('POST /reports', post, report));
  return served(database, addOffers, async ({ port, store }) => {
    const client = loadClient();
    try {
      const before = bareVerificationsPerSecond();
      const load = { port, requests, connections, exchanges: requests.length };
      const { exchanges, elapsedMs } = await client.ask(load);
      const bare = (before + bareVerificationsPerSecond()) / 2;
      const { confirmed } = await store.totals(c1);
      if (confirmed !== requests.length)
        throw new Error(`expected ${requests.length} devices confirmed, found ${confirmed}`);
      return (1_000 * exchanges) / elapsedMs / bare;
    } finally {
      await client.close();
    }
  });
}

function registrations(database: Database): Promise<number> {
  return served(database, addLamps, async ({ url, store }) => {
    const devices = lamps()
      .slice(0, registering)
      .map(({ id, key }) => ({ id, key: encodeSigningKey(key) }));
    const elapsedMs = await registered({ url, devices, connections });
    const { length } = await store.sessions();
    if (length !== registering) throw new Error(`expected ${registering} sessions, found ${length}`);
    return (1_000 * registering) / elapsedMs;
  });
}

async function registered(work: Registering): Promise<number> {
  const clients = new Worker(new URL('./register-clients.ts', import.meta.url), { workerData: work });
  const [elapsedMs] = (await once(clients, 'message')) as [number];
  return elapsedMs;
}
