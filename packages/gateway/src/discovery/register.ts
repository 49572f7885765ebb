/** A gateway's own entry in a Resource Directory (RFC 9176 §5), renewed for as long as it lives. */
import type { Clock, Handler } from '@lapel/transport';
import { TransportError, bytesBody, discard, request } from '@lapel/transport';
import { linkFormat, writeLinks } from '@lapel/transport/coap';
import { cacheType } from './find.ts';

export interface RegisteringOptions {
  /** The way to the directory. */
  readonly directory: Handler;
  /** Unique in the directory. */
  readonly endpoint: string;
  /** Where devices reach the gateway. */
  readonly base: string;
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
    const found = await registered(options, signal);
    if (typeof found === 'string') place = found;
    const now = found instanceof Error ? found.message : undefined;
    if (now !== undefined && now !== trouble) onNotice(`not in the directory: ${now}`);
    trouble = now;
    await clock.sleep(now === undefined ? renewMs : retryMs, signal).catch(() => undefined);
  }
  if (place !== undefined) await takenBack(directory, place);
}

/** §5: to register again is to renew, and mends a directory that has forgotten everything. */
async function registered(
  { directory, endpoint, base }: RegisteringOptions,
  signal: AbortSignal,
): Promise<string | TransportError> {
  const query = new Map([
    ['ep', endpoint],
    ['lt', String(lifetimeS)],
    ['base', base],
  ]);
  const links = writeLinks([{ target: '/', attributes: [['rt', cacheType]] }]);
  const headers = { 'content-type': linkFormat };
  const body = bytesBody(new TextEncoder().encode(links));
  try {
    const response = await directory(request('POST', '/rd', { query, headers, body, signal }));
    await discard(response.body);
    const place = response.headers?.['location'];
    if (response.status === 'created' && place !== undefined) return place;
    return new TransportError('refused', `expected to be registered, found ${response.status}`);
  } catch (error) {
    if (error instanceof TransportError) return error;
    if (signal.aborted) return new TransportError('no-answer', 'closing');
    throw error;
  }
}

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
