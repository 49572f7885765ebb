/** What a poll shows of itself: a token, and how long it may wait. */
import { hash } from 'node:crypto';
import type { Clock, Request } from '@lapel/transport';
import { Problem } from '@lapel/transport';

/** `Bearer ` and 64 hexadecimal digits; what has another form is nobody's. */
const authorizationLength = 'Bearer '.length + 64;

export function tokenKey(authorization: string | undefined): string {
  if (authorization?.length !== authorizationLength || !authorization.startsWith('Bearer ')) return '';
  return hash('sha256', Buffer.from(authorization.slice('Bearer '.length), 'hex'), 'base64');
}

/** Where the channel proves who asks (OSCORE), its session needs no token. */
export const isProven = ({ peer }: Request, device: string): boolean =>
  peer?.id === device && peer.roles.includes('device');

export function waitOf(request: Request, waitMsMax: number): number {
  const given = request.query.get('waitMs') ?? '0';
  if (!/^\d{1,9}$/.test(given))
    throw new Problem('bad-request', 'expected waitMs in whole milliseconds, found another text');
  return Math.min(Number(given), waitMsMax);
}

/** Ends early, and without an error, where the signal fires. */
export async function sleepUntil(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
