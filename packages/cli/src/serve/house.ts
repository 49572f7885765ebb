/**
 * Firmware server and status tracker in one process, on one port and one folder. Device-facing resources
 * are the rooms' own Handlers; what operators see is Fastify's, mounted beside them.
 */

import { existsSync } from 'node:fs';
import { hex } from '@lapel/cbor';
import type { DeviceClass, FirmwareServer } from '@lapel/firmware-server';
import { createFirmwareServer } from '@lapel/firmware-server';
import type {
  FirmwareServerAt,
  FleetStore,
  Role,
  StatusTracker,
  StatusTrackerOptions,
  ThreadOfProofs,
} from '@lapel/status-tracker';
import { createStatusTracker, proveInThread } from '@lapel/status-tracker';
import type { Receiver } from '@lapel/status-tracker/outbox';
import type { Handler, HttpListener, HttpServer, ServeTls } from '@lapel/transport';
import {
  Problem,
  bearer,
  httpListener,
  problemResponse,
  serveListener,
  systemClock,
  systemRandom,
} from '@lapel/transport';
import type { FindContext } from '@lapel/transport/coap';
import { openFleetStore, requireHere } from '../fleet/open.ts';
import type { FleetPlace } from '../fleet/place.ts';
import { placeOf } from '../fleet/place.ts';
import { writeNewFile } from '../files.ts';
import type { CoapRoads } from './coap-roads.ts';
import type { DataFolder } from './data-folder.ts';
import { openDataFolder, tokenFile } from './data-folder.ts';
import { operatorListener } from './operator-listener.ts';
import { planInRounds } from './plan-in-rounds.ts';
import { entryOf, published, releaseOf } from './release-of.ts';
import type { ServerLog } from './server-log.ts';
import type { Strategies } from './strategy-file.ts';
import { tellingListener } from './tell-answers.ts';

export interface HouseOptions {
  readonly path: string;
  readonly port: number;
  readonly host?: string;
  /** Plain HTTP, where it is absent. */
  readonly tls?: ServeTls;
  /** Of UDP and of TCP, for devices that speak CoAP; none, where it is absent. */
  readonly coapPort?: number;
  /** Over CoAP, nothing is answered but under a secret that a device shares. */
  readonly oscoreOnly?: boolean;
  /** Where the fleet is, if not in the folder: others may serve it from there, too. */
  readonly place?: FleetPlace;
  readonly tenant?: string;
  /** What is to be put into the folder before it is opened, once the port is ours. */
  readonly prepare?: () => Promise<void>;
  /** How urgent releases are, and when the server decides for devices. */
  readonly strategies?: Strategies;
  /** Firmware servers besides this one. */
  readonly firmwareServers?: readonly FirmwareServerAt[];
  /** What devices can take, where it is known. */
  readonly deviceClasses?: readonly DeviceClass[];
  /** What people call a class, by its UUID as text. */
  readonly classNames?: ReadonlyMap<string, string>;
  /** Who outside is told what changes. */
  readonly webhooks?: readonly Receiver[];
  readonly log: ServerLog;
}

export interface House {
  readonly url: string;
  /** Where devices reach it that speak CoAP. */
  readonly coap: readonly string[];
  readonly folder: DataFolder;
  readonly firmware: FirmwareServer;
  readonly tracker: StatusTracker;
  readonly store: FleetStore;
  readonly place: FleetPlace;
  /** To who connects from now on. */
  readonly show: HttpServer['show'];
  close(): Promise<void>;
}

/** @throws {PortInUse} before anything in the folder is touched. */
export async function openHouse(options: HouseOptions): Promise<House> {
  const { port, host, tls, log } = options;
  const { bug: onBug } = log;
  // The port comes first: whoever holds it may hold the folder too, and a folder belongs to one process.
  let forDevices: Handler = async () => problemResponse(starting);
  let channels: FindContext = () => undefined;
  let listener: HttpListener = httpListener(forDevices, { onBug });
  const answering = tellingListener((incoming, outgoing) => listener(incoming, outgoing), log);
  const server = await serveListener(answering, {
    port,
    ...(host === undefined ? {} : { host }),
    ...(tls === undefined ? {} : { tls }),
  });
  let roads: CoapRoads | undefined;
  try {
    roads = await coapRoads(
      options,
      (asked) => forDevices(asked),
      (name) => channels(name),
    );
    const opened = await openRooms(options);
    const stop = new AbortController();
    const sending = await sendOutside(options, opened, stop.signal);
    ({ listener, forDevices } = opened);
    ({ channels } = opened.tracker);
    const rounds = planInRounds(opened, stop.signal, log);
    const standing = { server, roads, stop, work: Promise.all([rounds, sending.ended]) };
    const { show } = server;
    const standsAt = { url: urlOf(server, host), coap: roads.urls, show };
    return { ...opened, ...standsAt, close: () => close(standing, opened) };
  } catch (error) {
    await roads?.close();
    await server.close(0);
    throw error;
  }
}

/** Before anything can change. Receivers that a server had before are seen to where there are none, too. */
async function sendOutside(options: HouseOptions, { store }: Rooms, signal: AbortSignal) {
  const { webhooks = [], tenant = defaultTenant, log } = options;
  const { sendChanges } = await import('./webhooks.ts');
  return sendChanges({ store, tenant, webhooks, log }, signal);
}

type Elsewhere = Pick<StatusTrackerOptions, 'firmwareServers'>;

/** The ways are a device's own: what it can't reach it is not sent to. */
async function elsewhere({ firmwareServers = [] }: HouseOptions): Promise<Elsewhere> {
  if (firmwareServers.length === 0) return {};
  const { roadsTo } = await import('../device/roads.ts');
  return { firmwareServers: { servers: firmwareServers, reach: roadsTo({ tls: {}, clock: systemClock }) } };
}

/** What speaks CoAP is loaded for devices that do. */
async function coapRoads(options: HouseOptions, handler: Handler, channels: FindContext): Promise<CoapRoads> {
  if (options.coapPort === undefined) return { urls: [], client: undefined, close: async () => undefined };
  return (await import('./coap-roads.ts')).openCoapRoads(handler, channels, options);
}

/** As people type it; the address itself where they chose one. */
const urlOf = ({ url, port }: HttpServer, host: string | undefined) =>
  host === undefined ? `${new URL(url).protocol}//localhost:${port}` : url;

const defaultTenant = 'default';

const starting = new Problem('unavailable', 'the server is starting');

type Rooms = Omit<House, 'url' | 'coap' | 'show' | 'close'> & {
  readonly listener: HttpListener;
  readonly forDevices: Handler;
  readonly proofs: ThreadOfProofs;
  readonly closeOperators: () => Promise<void>;
};

async function openRooms(options: HouseOptions): Promise<Rooms> {
  const { path, host, prepare, classNames, deviceClasses = [] } = options;
  const { bug: onBug, notice: onNotice, change } = options.log;
  const { place = await placeOf({ data: path }), tenant = defaultTenant } = options;
  await prepare?.();
  const folder = await openDataFolder(path);
  const isShared = place.kind === 'postgres';
  const store = await openFleetStore(place, tenant);
  await requireHere(store, place);
  const firmware = await createFirmwareServer({
    folder: folder.firmware,
    isShared,
    trustAnchors: folder.authors.map((key) => ({ key })),
    deviceClasses,
    onBug,
    onRefused: (digest, why) => onNotice(`release ${digest.slice(0, 12)} is not served any more: ${why}`),
    note: async (noted) => store.appendAudit([entryOf(noted)]),
  });
  const proofs = proveInThread();
  const tracker = await createStatusTracker({
    store,
    proofs,
    clock: systemClock,
    random: systemRandom,
    trackerKey: folder.trackerKey,
    operators: folder.operators,
    persons: folder.persons,
    authors: folder.authors.map((key) => ({ key })),
    releases: async (digest) => releaseOf(firmware, await published(firmware, hex(digest))),
    transports: options.coapPort === undefined ? ['http'] : ['http', 'coap'],
    ...(isShared ? { name: hex(systemRandom.bytes(8)) } : {}),
    ...options.strategies,
    ...(await elsewhere(options)),
    onBug,
  });
  tracker.watch.follow(change);
  await grantTokens(folder, tracker, store);
  const { lookup } = tracker.access;
  const forAuthors = httpListener(bearer(firmware.handler, lookup), { onBug });
  const toDevices = httpListener(tracker.handler, { onBug });
  const operators = operatorListener({
    ...{ store, clock: systemClock, onBug },
    ...{ desk: tracker.desk, log: tracker.log, access: tracker.access, watch: tracker.watch },
    pageIsOpen: isLocal(host),
    ...(classNames === undefined ? {} : { classNames }),
  });
  const listener: HttpListener = (incoming, outgoing) => {
    const room = roomOf(incoming.url ?? '');
    if (firmwareResources.has(room)) forAuthors(incoming, outgoing);
    else if (deviceResources.has(room) || tracker.isGone) toDevices(incoming, outgoing);
    else operators.listener(incoming, outgoing);
  };
  // Authors publish over HTTP: no token of theirs means anything here.
  const forDevices: Handler = async (asked) =>
    firmwareResources.has(roomOf(asked.path)) ? firmware.handler(asked) : tracker.handler(asked);
  const opened = { folder, firmware, tracker, proofs, store, place, listener, forDevices };
  return { ...opened, closeOperators: operators.close };
}

const roomOf = (path: string): string => /^\/(?<first>[^/?]*)/.exec(path)?.groups?.['first'] ?? '';

/** First segments of paths: what is asked for, and by whom. */
const firmwareResources = new Set(['payloads', 'manifests', 'releases', 'latest', 'capabilities']);
const deviceResources = new Set([
  'challenges',
  'register',
  'check-in',
  'offers',
  'answers',
  'reports',
  'statements',
  'tracker',
]);

/** A page without a token is for this machine's own people. */
const isLocal = (host = '127.0.0.1') => ['127.0.0.1', '::1', 'localhost'].includes(host);

/** One token for each role, made at the first start; whoever hands them out deletes the files. */
async function grantTokens(folder: DataFolder, { access }: StatusTracker, store: FleetStore): Promise<void> {
  const granted: readonly Role[] = ['admin', 'approver', 'operator', 'author', 'viewer'];
  const known = new Set((await store.grants()).map(({ name }) => name));
  for (const role of granted) {
    const file = tokenFile(folder, role);
    if (existsSync(file) || known.has(role)) continue;
    await writeNewFile(file, `${await access.grant(role, [role], 'first start')}\n`, 0o600);
  }
}

interface Standing {
  readonly server: HttpServer;
  readonly roads: CoapRoads;
  readonly stop: AbortController;
  /** Until it is stopped. */
  readonly work: Promise<unknown>;
}

async function close(
  { server, roads, stop, work }: Standing,
  { tracker, proofs, store, closeOperators }: Rooms,
): Promise<void> {
  stop.abort(new Error('the server is closing'));
  await work;
  await tracker.close();
  await roads.close();
  await server.close();
  await closeOperators();
  await proofs.close();
  await store.close();
}
