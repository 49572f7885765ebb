/**
 * Simple registration (RFC 9176 §5.1): who can tell no links asks the directory to come and read them. It
 * goes to the one who has asked and to nobody else, by the way that the request came, once that address is
 * proven; so nobody can send it anywhere.
 */
import type { Clock, ProvenSender, RouteHandler } from '@lapel/transport';
import {
  Problem,
  TransportError,
  collect,
  discard,
  emptyBody,
  request,
  withDeadline,
} from '@lapel/transport';
import type { Link } from '@lapel/transport/coap';
import { readLinks } from '@lapel/transport/coap';

export interface SimpleRegistrationOptions {
  readonly clock: Clock;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly linksBytesMax: number;
  /** Judges what is said, without the links. @throws {Problem} */
  readonly admit: (query: ReadonlyMap<string, string>, base: string) => (links: readonly Link[]) => void;
  readonly onBug: (error: unknown) => void;
}

/** Directories are asked one by one as devices start; who comes when so many are being read comes again. */
const readingMax = 64;
/** §5.1: not before the answer is sent, for the sake of those who can do one thing at a time. */
const afterMs = 100;
const readMsMax = 60_000;

export function simpleRegistration(options: SimpleRegistrationOptions): RouteHandler {
  const { clock, signal, linksBytesMax, admit, onBug } = options;
  const reading = new Set<string>();

  async function read({ origin, ask }: ProvenSender, enter: (links: readonly Link[]) => void): Promise<void> {
    try {
      await clock.sleep(afterMs, signal);
      await withDeadline(clock, readMsMax, signal, async (until) => {
        const { status, body } = await ask(request('GET', '/.well-known/core', { signal: until }));
        if (status !== 'ok') return discard(body);
        return enter(readLinks(new TextDecoder().decode(await collect(body, linksBytesMax))));
      });
    } catch (error) {
      // Nobody waits to be told: it comes again, or it is not in the directory.
      if (!signal.aborted && !(error instanceof TransportError || error instanceof Problem)) onBug(error);
    } finally {
      reading.delete(origin);
    }
  }

  return async ({ query, sender }) => {
    if (query.has('base'))
      throw new Problem('bad-request', 'expected no base in this registration, found one');
    if (sender === undefined)
      throw new Problem('unauthorized', 'expected a sender at a proven address of CoAP, found another');
    const enter = admit(query, sender.origin);
    if (reading.size >= readingMax)
      throw new Problem('unavailable', `expected fewer than ${readingMax} registrations at once, found more`);
    if (!reading.has(sender.origin)) {
      reading.add(sender.origin);
      read(sender, enter).catch(onBug);
    }
    return { status: 'changed', size: 0, body: emptyBody };
  };
}
