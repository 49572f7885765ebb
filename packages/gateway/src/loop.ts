/**
 * Requests that go in a circle, as where two gateways are each other's upstream: each says in CDN-Loop (RFC
 * 8586 §2) that a request has come through it, and takes none that has come through it before. Between
 * gateways CoAP carries it as a parameter of the query.
 */
import type { Handler, Random, Request } from '@lapel/transport';
import { Problem } from '@lapel/transport';

const header = 'cdn-loop';
/** As many hops as RFC 8768 §3 gives where nobody says how many; also a bound of what is read here. */
const hopsMax = 16;
/** Two gateways of one chain have the same name once in 2^32; sixteen names fit into an option of CoAP. */
const nameBytes = 4;

export interface Loop {
  /** @throws {Problem} `loop-detected` where the request has come through here, or through too many */
  require(asked: Request): void;
  /** As asked from here: with this gateway's name behind those that it came through. */
  marked(handler: Handler): Handler;
}

export function loop(random: Random): Loop {
  const name = Buffer.from(random.bytes(nameBytes)).toString('hex');
  return {
    require(asked) {
      const trail = namesIn(asked);
      if (trail.includes(name))
        throw new Problem('loop-detected', 'expected a request that is new here, found it come back');
      if (trail.length >= hopsMax)
        throw new Problem(
          'loop-detected',
          `expected fewer than ${hopsMax} gateways on the way, found as many`,
        );
    },
    marked: (handler) => (asked) => {
      const trail = [...namesIn(asked), name].join(', ');
      return handler({ ...asked, headers: { ...asked.headers, [header]: trail } });
    },
  };
}

/** What of a request says which gateways it has come through: nothing, where it is a device's own. */
export function trailOf({ headers }: Request): Record<string, string> {
  const trail = headers[header];
  return trail === undefined ? {} : { [header]: trail };
}

/** Whether it comes from another gateway: it must not wait for what that may be waiting for. */
export const isPassedOn = ({ headers }: Request): boolean => headers[header] !== undefined;

const namesIn = ({ headers }: Request): readonly string[] =>
  (headers[header] ?? '')
    .split(',', hopsMax + 1)
    .map((each) => each.trim())
    .filter((each) => each !== '');
