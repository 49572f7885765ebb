/**
 * Registration at a server of LwM2M (Core 1.1 §6.2): what the device is called, for how long it is there, and
 * which objects it has. It is renewed before its lifetime ends, and made anew where the server has lost it.
 */

import type { Clock, Handler, Random, Response } from '@lapel/transport';
import { TransportError, bytesBody, discard, request, withDeadline } from '@lapel/transport';
import type { Link } from '@lapel/transport/coap';
import { linkFormat, writeLinks } from '@lapel/transport/coap';
import { backOff } from '../firmware-consumer/fetch.ts';

export interface RegistrationOptions {
  readonly server: Handler;
  /** The endpoint client name. */
  readonly endpoint: string;
  readonly lifetimeSeconds: number;
  readonly links: readonly Link[];
  readonly clock: Clock;
  readonly random: Random;
  readonly onStep?: (step: RegistrationStep, detail?: string) => void;
}

export type RegistrationStep = 'registered' | 'not-registered' | 'deregistered';

/** Of the lifetime: so that a renewal that is lost can be tried again in time. */
const renewShare = 0.7;
/** The longest answer that is waited for when the device says that it goes. */
const farewellMs = 5_000;

/** Stays registered until the signal fires; then says that it goes. Rejects only with what is a bug. */
export async function stayRegistered(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, lifetimeSeconds, onStep } = options;
  let location: string | undefined;
  let misses = 0;
  while (!signal.aborted) {
    const answer = await attempt(() => enter(options, location, signal), signal);
    if (typeof answer === 'object') {
      location = answer.location ?? location;
      misses = 0;
      onStep?.('registered', location);
    } else {
      if (answer === 'unknown') location = undefined;
      else onStep?.('not-registered', `tried ${misses + 1} times`);
      misses += 1;
    }
    const waitMs = misses === 0 ? lifetimeSeconds * 1000 * renewShare : backOff(misses, random);
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
  if (location === undefined) return;
  if ((await attempt(() => leave(options, location ?? ''), signal)) !== 'silent') onStep?.('deregistered');
}

type Answer = { readonly location?: string } | 'unknown' | 'silent';

async function attempt(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransportError || error === signal.reason) return 'silent';
    throw error;
  }
}

/** Register, or where that has been done, Update (§6.2.2): of which nothing has changed. */
async function enter(
  { server, endpoint, lifetimeSeconds, links }: RegistrationOptions,
  location: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  if (location !== undefined) {
    const renewed = await answered(server(request('POST', location, { signal })));
    if (renewed.status === 'not-found' || renewed.status === 'bad-request') return 'unknown';
    return renewed.status === 'changed' || renewed.status === 'ok' ? {} : 'silent';
  }
  const query = new Map([
    ['ep', endpoint],
    ['lt', String(lifetimeSeconds)],
    ['lwm2m', '1.1'],
    ['b', 'U'],
  ]);
  const body = bytesBody(new TextEncoder().encode(writeLinks(links)));
  const headers = { 'content-type': linkFormat };
  const made = await answered(server(request('POST', '/rd', { query, headers, body, signal })));
  const given = made.headers?.['location'];
  return made.status === 'created' && given !== undefined ? { location: given } : 'silent';
}

async function leave({ server, clock }: RegistrationOptions, location: string): Promise<Answer> {
  await withDeadline(clock, farewellMs, undefined, (signal) =>
    answered(server(request('DELETE', location, { signal }))),
  );
  return {};
}

async function answered(response: Promise<Response>): Promise<Response> {
  const found = await response;
  await discard(found.body);
  return found;
}
