/**
 * What the tracker takes in over HTTP: reports, each verified, held against its manifest and on the disk
 * before it is answered; and registrations, of which only what the server does is counted, not what devices
 * compute for them.
 */
import { databases } from '../../../tools/bench-postgres.ts';
import type { Figure } from '../../../tools/figure.ts';
import { loadClient, requestBytes } from '../../../tools/http-load.ts';
import { mediaTypes } from '../src/protocol.ts';
import { c1 } from '../test/fleet-fixtures.ts';
import { barely } from './bare-intake.ts';
import type { Database, Lamp } from './fleet-over-http.ts';
import { addLamps, addOffers, bareVerificationsPerSecond, early, lamps, served } from './fleet-over-http.ts';
import { registrationOf } from './registration-of.ts';

const bare: Figure = {
  room: 'status-tracker',
  name: 'reports over HTTP, proved and written as one row by a server that does nothing else, SQLite',
  unit: '× bare verifications of their signatures',
  measure: () => barely(lamps(), reporting),
};

const ofTracker = databases.flatMap((database): Figure[] => [
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

export const figures: readonly Figure[] = [bare, ...ofTracker];

/** Of a moment of a fleet. */
const connections = 256;

function intake(database: Database): Promise<number> {
  return served(database, addOffers, async ({ port, store }) => {
    const rate = await reporting(port);
    const { confirmed } = await store.totals(c1);
    if (confirmed !== lamps().length)
      throw new Error(`expected ${lamps().length} devices confirmed, found ${confirmed}`);
    return rate;
  });
}

/** @returns how many reports are taken in for each bare verification. */
async function reporting(port: number): Promise<number> {
  const post = { 'content-type': mediaTypes.report };
  const requests = lamps().map(({ report }) => requestBytes('POST /reports', post, report));
  const client = loadClient();
  try {
    await client.ask({ port, connections, requests: requests.slice(0, early), exchanges: early });
    const before = bareVerificationsPerSecond();
    const load = { port, connections, requests: requests.slice(early), exchanges: requests.length - early };
    const { exchanges, elapsedMs } = await client.ask(load);
    const bare = (before + bareVerificationsPerSecond()) / 2;
    return (1_000 * exchanges) / elapsedMs / bare;
  } finally {
    await client.close();
  }
}

type Client = ReturnType<typeof loadClient>;

const nothing = new Uint8Array();

/** Challenges are asked for, then what proves their keys is sent: each by all devices. */
function registrations(database: Database): Promise<number> {
  return served(database, addLamps, async ({ port, store }) => {
    const client = loadClient();
    try {
      await register(client, port, lamps().slice(0, early));
      const counted = lamps().slice(early);
      const elapsedMs = await register(client, port, counted);
      const { length } = await store.sessions();
      if (length !== lamps().length) throw new Error(`expected ${lamps().length} sessions, found ${length}`);
      return (1_000 * counted.length) / elapsedMs;
    } finally {
      await client.close();
    }
  });
}

/** @returns how many milliseconds the tracker took for it. */
async function register(client: Client, port: number, devices: readonly Lamp[]): Promise<number> {
  const load = { port, connections, exchanges: devices.length };
  const asked = devices.map(({ id }) => requestBytes(`GET /challenges/${id}`, {}));
  const challenges = await client.ask({ ...load, requests: asked, keepsBodies: true });
  const signed = devices.map(async (lamp, at) => registrationOf(lamp, challenges.bodies[at] ?? nothing));
  const post = { 'content-type': mediaTypes.cose };
  const requests = (await Promise.all(signed)).map((body) => requestBytes('POST /register', post, body));
  return challenges.elapsedMs + (await client.ask({ ...load, requests })).elapsedMs;
}
