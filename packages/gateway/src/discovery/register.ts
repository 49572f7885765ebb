/** A gateway's own entry in a Resource Directory (RFC 9176 §5), renewed for as long as it lives. */
import type { Clock, Handler, Response } from '@lapel/transport';
import { TransportError, bytesBody, discard, request } from '@lapel/transport';
import { linkFormat, writeLinks } from '@lapel/transport/coap';
import { cacheType, registrationPath } from './find.ts';

export interface RegisteringOptions {
  /** The way to the directory; without a base, from the port where the gateway itself is asked. */
  readonly directory: Handler;
  /** Unique in the directory. */
  readonly endpoint: string;
  /** Where devices reach the gateway; absent, the directory sees for itself, and reads the links there. */
  readonly base?: string;
  readonly clock: Clock;
  readonly onNotice: (text: string) => void;
}

const lifetimeS = 3600;
/** Well before it ends, and soon again where nobody answered. */
const renewMs = (lifetimeS * 1000) / 3;
const retryMs = 60_000;

/** Until the signal; then the entry is taken back. */
export async function keepRegistered(options: RegisteringOptions, signal: AbortSignal): Promise<void> {
  const { clock, onNotice, directory } = options;
  let place: string | undefined;
  let trouble: string | undefined;
  while (!signal.aborted) {
    const found = await orTrouble(renewed(options, place, signal), signal);
    place = found instanceof Error ? place : found;
    const now = found instanceof Error ? found.message : undefined;
    if (now !== undefined && now !== trouble) onNotice(`not in the directory: ${now}`);
    trouble = now;
    await clock.sleep(now === undefined ? renewMs : retryMs, signal).catch(() => undefined);
  }
  if (place !== undefined) await takenBack(directory, place);
}

async function orTrouble<T>(work: Promise<T>, signal: AbortSignal): Promise<T | TransportError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof TransportError) return error;
    if (signal.aborted) return new TransportError('no-answer', 'closing');
    throw error;
  }
}

/** @returns where the entry is, if it has a place of its own. @throws {TransportError} */
async function renewed(
  options: RegisteringOptions,
  place: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { directory, base } = options;
  if (base === undefined) return registeredSimply(options, signal);
  if (place !== undefined) {
    // §5.3.1; a directory that has forgotten everything is told everything.
    const { status, body } = await directory(request('POST', place, { signal }));
    await discard(body);
    if (status === 'changed') return place;
    if (status !== 'not-found') throw refused(status);
  }
  return registered(options, base, signal);
}

async function registered(
  { directory, endpoint }: RegisteringOptions,
  base: string,
  signal: AbortSignal,
): Promise<string> {
  const query = new Map([...named(endpoint), ['base', base]]);
  const links = writeLinks([{ target: '/', attributes: [['rt', cacheType]] }]);
  const headers = { 'content-type': linkFormat };
  const body = bytesBody(new TextEncoder().encode(links));
  const path = await registrationPath(directory, signal);
  const response = await directory(request('POST', path, { query, headers, body, signal }));
  await discard(response.body);
  const place = response.headers?.['location'];
  if (response.status === 'created' && place !== undefined) return place;
  throw refused(response.status);
}

/** §5.1: there is no place to take it back at; it ends by itself. */
async function registeredSimply(
  { directory, endpoint }: RegisteringOptions,
  signal: AbortSignal,
): Promise<undefined> {
  const query = new Map(named(endpoint));
  const { status, body } = await directory(request('POST', '/.well-known/rd', { query, signal }));
  await discard(body);
  if (status !== 'changed') throw refused(status);
}

const named = (endpoint: string): [string, string][] => [
  ['ep', endpoint],
  ['lt', String(lifetimeS)],
];

const refused = (status: Response['status']) =>
  new TransportError('refused', `expected to be registered, found ${status}`);

async function takenBack(directory: Handler, place: string): Promise<void> {
  const signal = AbortSignal.timeout(goodByeMs);
  try {
    const { body } = await directory(request('DELETE', place, { signal }));
    await discard(body);
  } catch (error) {
    // It ends by itself, an hour later.
    if (!(error instanceof TransportError) && !signal.aborted) throw error;
  }
}

const goodByeMs = 1000;
