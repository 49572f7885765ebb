/**
 * The other half of `subscribeByWaiting`: who asks a resource to answer when there is news, `GET …?waitMs=…`
 * with the tag of the last answer, observes it (RFC 7641). So whoever was made for waiting is pushed to.
 *
 * A NAT forgets who is behind it, some after 30 s of silence, and then no notification comes through. So the
 * relation is begun anew in less than that (RFC 7641 §3.3.1), which keeps the binding or makes another.
 */
import { discard, emptyBody } from '../body.ts';
import type { Handler, Request, Response } from '../exchange.ts';
import type { Clock } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { CoapClient } from './coap-client.ts';
import { transmissionDefaults } from './transmission.ts';

export interface WaitByObservingOptions {
  readonly clock: Clock;
  /** Between two beginnings of a relation that brings nothing. */
  readonly renewMs?: number;
}

/** RFC 4787 §4.3 asks NATs for two minutes; there are those that drop a binding after 30 s. */
const renewMsDefault = 25_000;
/** Resources that one client observes at once; the one that was asked about longest ago is let go. */
const relationsMax = 16;

interface Relation {
  readonly source: AsyncIterator<Response>;
  readonly stop: AbortController;
  readonly renewAtMs: number;
  /** What comes next; a poll that ends leaves it to the poll after it. */
  next: Promise<IteratorResult<Response>> | undefined;
  isAnswered: boolean;
}

export function waitByObserving(
  client: Handler & Pick<CoapClient, 'subscribe'>,
  { clock, renewMs = renewMsDefault }: WaitByObservingOptions,
): Handler {
  const relations = new Map<string, Relation>();

  function end(key: string): void {
    const relation = relations.get(key);
    relations.delete(key);
    relation?.stop.abort(new Error('observed anew, or no longer'));
  }

  function begin(key: string, request: Request): Relation {
    const [oldest] = relations.keys();
    if (oldest !== undefined && relations.size >= relationsMax) end(oldest);
    const stop = new AbortController();
    const source = client.subscribe({ ...request, signal: stop.signal })[Symbol.asyncIterator]();
    const renewAtMs = clock.monotonicMs() + renewMs;
    const relation: Relation = { source, stop, renewAtMs, next: undefined, isAnswered: false };
    relations.set(key, relation);
    return relation;
  }

  /** @throws {TransportError} where it has ended badly, or does not begin */
  async function nextOf(
    relation: Relation,
    untilMs: number,
    signal: AbortSignal,
  ): Promise<Response | 'silent' | 'over'> {
    const { answerMsMax } = transmissionDefaults;
    const nowMs = clock.monotonicMs();
    const patienceMs = relation.isAnswered ? untilMs - nowMs : answerMsMax;
    const next = (relation.next ??= relation.source.next());
    // It may fail while nobody waits for it; who asks next is told.
    next.catch(() => undefined);
    const read = await within(clock, Math.max(0, patienceMs), signal, next);
    if (read === 'silent' && !relation.isAnswered)
      throw new TransportError('no-answer', `expected an answer within ${answerMsMax} ms, found none`);
    if (read === 'silent') return read;
    relation.next = undefined;
    relation.isAnswered = true;
    return read.done === true ? 'over' : read.value;
  }

  async function wait(request: Request, waitMs: number): Promise<Response> {
    const { ifNoneMatch, signal } = request;
    const key = keyOf(request);
    const untilMs = clock.monotonicMs() + waitMs;
    for (;;) {
      const relation = relations.get(key) ?? begin(key, request);
      const answer = await nextOf(relation, Math.min(untilMs, relation.renewAtMs), signal);
      const nowMs = clock.monotonicMs();
      if (answer === 'silent' || answer === 'over') {
        if (answer === 'over' || nowMs >= relation.renewAtMs) end(key);
        if (nowMs >= untilMs) return { status: 'valid', etag: ifNoneMatch, size: 0, body: emptyBody };
        // A server that does not observe is asked now and then.
        if (answer === 'over') await clock.sleep(Math.min(renewMs, untilMs - nowMs), signal);
      } else if (answer.status !== 'valid' && (ifNoneMatch === undefined || answer.etag !== ifNoneMatch)) {
        return answer;
      } else await discard(answer.body);
    }
  }

  return async (request) => {
    const { waitMs, ...rest } = withoutWaiting(request);
    if (request.method !== 'GET' || waitMs === 0) return client(request);
    request.signal.throwIfAborted();
    try {
      return await wait(rest.request, waitMs);
    } catch (error) {
      // A poll that is given up says nothing of the relation.
      if (!request.signal.aborted) end(keyOf(rest.request));
      throw error;
    }
  };
}

function withoutWaiting(request: Request): { readonly request: Request; readonly waitMs: number } {
  const waitMs = Number(request.query.get('waitMs') ?? 0);
  if (!Number.isSafeInteger(waitMs) || waitMs <= 0) return { request, waitMs: 0 };
  const query = new Map([...request.query].filter(([name]) => name !== 'waitMs'));
  return { request: { ...request, query }, waitMs };
}

/** Who asks for what; another session observes anew. */
const keyOf = ({ path, query, headers }: Request): string =>
  JSON.stringify([path, [...query], headers['authorization']]);

async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  awaited: Promise<T>,
): Promise<T | 'silent'> {
  const done = new AbortController();
  const silence = clock.sleep(ms, AbortSignal.any([signal, done.signal])).then(
    () => 'silent' as const,
    (error: unknown) => {
      if (signal.aborted) throw error;
      return 'silent' as const;
    },
  );
  try {
    return await Promise.race([awaited, silence]);
  } finally {
    done.abort(new Error('answered'));
    silence.catch(() => undefined);
  }
}
