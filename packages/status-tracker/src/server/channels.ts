/**
 * The contexts of OSCORE (RFC 8613 §3) of all devices that share a secret with this server. One is made when
 * a request names it; what it must not forget is in the store, and who it belongs to is proven by it.
 */
import { compareBytes, read } from '@lapel/cbor';
import type { Clock } from '@lapel/transport';
import type { FindContext, OscoreContext } from '@lapel/transport/coap';
import { contextName, leastNumber, oscoreContext, secretOf } from '@lapel/transport/oscore';
import { SharedSecret } from '@lapel/cose';
import type { Channel, ChannelStore } from './channel-store.ts';

export interface ChannelsOptions {
  readonly store: ChannelStore;
  readonly clock: Clock;
  /** Other processes answer these devices, too. */
  readonly isShared: boolean;
}

/** About 64 MiB of them; one that is let go is made again at its next request, with an echo (§B.1.2). */
const contextsMax = 65_536;
/** After so long the store is asked again whether the secret is still that one. */
const knownMs = 60_000;
/** Servers send under numbers of their own seldom: at a start of theirs, and when there is news. */
const step = 64;

interface Known {
  readonly channel: Channel;
  readonly context: OscoreContext;
  lookedMs: number;
}

export function createChannels({ store, clock, isShared }: ChannelsOptions): FindContext {
  const known = new Map<string, Known>();

  async function take(name: string, count: number): Promise<number> {
    const first = await store.takeNumbers(name, count, leastNumber(clock));
    if (first === undefined) throw new RangeError(`expected numbers for ${name}, found no such channel`);
    return first;
  }

  function contextOf({ name, device, secret: encoded }: Channel): OscoreContext {
    return oscoreContext({
      ...secretOf(read(SharedSecret, encoded), 'server'),
      store: { take: (count) => take(name, count) },
      peer: { id: device, roles: ['device'] },
      isShared,
      step,
    });
  }

  return async (name) => {
    const before = known.get(name);
    const nowMs = clock.monotonicMs();
    if (before !== undefined && nowMs - before.lookedMs < knownMs) return before.context;
    const channel = await store.channel(name);
    // Another request may have made it meanwhile: two contexts would each take one message for new.
    const meanwhile = known.get(name);
    known.delete(name);
    if (channel === undefined) return undefined;
    const isSame = meanwhile !== undefined && isSameChannel(meanwhile.channel, channel);
    const context = isSame ? meanwhile.context : contextOf(channel);
    known.set(name, { channel, context, lookedMs: nowMs });
    const [oldest] = known.keys();
    if (known.size > contextsMax && oldest !== undefined) known.delete(oldest);
    return context;
  };
}

const isSameChannel = (a: Channel, b: Channel): boolean =>
  a.device === b.device && compareBytes(a.secret, b.secret) === 0;

/** What the requests of a device under this secret name. */
export const channelName = ({ sender, idContext }: SharedSecret): string => contextName(sender, idContext);
