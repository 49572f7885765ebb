/**
 * Which upstreams are origins. A gateway may be waiting for somebody, an origin waits for nobody; so what is
 * passed on by another gateway joins a transfer only while that comes from an origin. Then no circle of
 * gateways can wait for itself: in one, each would have begun to ask the next after somebody had joined its
 * own transfer, and before it joined the next one's, all the way round.
 */
import type { Clock, Handler } from '@lapel/transport';
import { TransportError, withDeadline } from '@lapel/transport';
import { isGateway } from '../discovery/find.ts';
import type { Upstream } from './obtain.ts';

export interface Origins {
  /** False, too, where it does not say so at once. */
  has(upstream: Upstream): Promise<boolean>;
}

/** Longer than a round to the far end of a continent, and than an acknowledgement of CoAP takes. */
const answerMsMax = 2000;
/** What stands at an address may be replaced. */
const knownMs = 60_000;
/** Of an operator's own upstreams there are a few; a proxy's may be many. */
const knownMax = 256;

export function createOrigins(clock: Clock): Origins {
  const known = new Map<string, { readonly isOrigin: Promise<boolean>; readonly endsMs: number }>();
  return {
    has({ name, handler }) {
      const found = known.get(name);
      if (found !== undefined && found.endsMs > clock.monotonicMs()) return found.isOrigin;
      known.delete(name);
      if (known.size >= knownMax) known.delete(known.keys().next().value ?? '');
      const isOrigin = askWhether(handler, clock);
      known.set(name, { isOrigin, endsMs: clock.monotonicMs() + knownMs });
      return isOrigin;
    },
  };
}

async function askWhether(handler: Handler, clock: Clock): Promise<boolean> {
  try {
    return !(await withDeadline(clock, answerMsMax, undefined, (signal) => isGateway(handler, signal)));
  } catch (error) {
    if (error instanceof TransportError) return false;
    throw error;
  }
}
