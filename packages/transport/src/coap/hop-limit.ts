/**
 * How far a request may still go (RFC 8768): each proxy counts down, so that a request that goes in a circle
 * ends. A Handler finds it among the headers of a request, and the next one is told from there.
 */
import type { Request } from '../exchange.ts';
import type { Option } from './option.ts';
import { option, uintOption } from './option.ts';

/** §3: where nobody has said how far. */
const hopLimitDefault = 16;
const header = 'hop-limit';

function hopLimitOf({ headers }: Pick<Request, 'headers'>): number | undefined {
  const found = Number(headers[header] ?? NaN);
  return Number.isInteger(found) && found > 0 && found < 256 ? found : undefined;
}

export function hopLimitTo(options: readonly Option[]): Record<string, string> {
  const limit = uintOption(options, 'hopLimit');
  return limit === undefined || limit === 0 ? {} : { [header]: String(limit) };
}

export function hopLimitFrom(request: Pick<Request, 'headers'>): readonly Option[] {
  const limit = hopLimitOf(request);
  return limit === undefined ? [] : [option('hopLimit', Uint8Array.of(limit))];
}

/** The request as it goes on from here. @throws {HopLimitReached} */
export function oneHopFurther(request: Request): Request {
  const left = (hopLimitOf(request) ?? hopLimitDefault) - 1;
  if (left === 0) throw new HopLimitReached();
  return { ...request, headers: { ...request.headers, [header]: String(left) } };
}

/** A request that goes in a circle, or further than its sender wanted. */
export class HopLimitReached extends Error {
  constructor() {
    super('expected a request that may go on, found its last hop');
    this.name = 'HopLimitReached';
  }
}
