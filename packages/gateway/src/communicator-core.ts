/**
 * A communicator's care for one core: how it is, whether there is anything new for it, and what it asks.
 */
import { CborError, read } from '@lapel/cbor';
import { CoreStatus, PollAnswer, offerBytesMax } from '@lapel/status-tracker/protocol';
import type { Clock, Handler, Request, Response } from '@lapel/transport';
import { TransportError, collect, discard, request, routes } from '@lapel/transport';
import { passedOn } from './upstreams.ts';

export interface CoreCare {
  /** @throws {TransportError} where the core, or the tracker, does not answer. */
  look(signal: AbortSignal): Promise<void>;
  standing(): {
    readonly status: CoreStatus | undefined;
    readonly heardMs: number | undefined;
    readonly woken: number;
  };
  close(): void;
}

interface Line {
  connect(serve: Handler): { readonly ask: Handler; close(): void };
}

interface Surroundings {
  readonly upstream: Handler;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
}

/** How the core polled last: in its name, and with its own token, the communicator asks again. */
interface Polled {
  readonly device: string;
  readonly authorization: string;
  readonly etag: string | undefined;
}

/** Of the tracker, for a core. */
type News = 'news' | 'none' | 'session-over';

const statusBytesMax = 16 * 1024;

export function createCoreCare(line: Line, { upstream, clock, onBug }: Surroundings): CoreCare {
  let polled: Polled | undefined;
  let status: CoreStatus | undefined;
  let heardMs: number | undefined;
  let [woken, unknown] = [0, 0];
  /** The ETag of the answer for which it was woken: once is enough. */
  let wokenFor: string | undefined;

  const { ask, close } = line.connect(
    carrying(upstream, onBug, (asked, { etag, status: answered }, device) => {
      const { authorization } = asked.headers;
      if (authorization === undefined) return;
      if (answered === 'ok' || answered === 'valid')
        polled = { device, authorization, etag: etag ?? asked.ifNoneMatch };
      else if (answered === 'unauthorized') polled = undefined;
    }),
  );

  async function queried(signal: AbortSignal): Promise<CoreStatus> {
    const answer = await ask(request('GET', '/core', { signal }));
    const bytes = await contentOf(answer, statusBytesMax, 'the status of a core');
    return parsed(() => read(CoreStatus, bytes), 'status of the core');
  }

  /** Whether the tracker has something for this core that it has not seen. */
  async function newsFor({ device, authorization, etag }: Polled, signal: AbortSignal): Promise<News> {
    const headers = { authorization };
    const answer = await upstream(
      request('GET', `/offers/${device}`, { headers, signal, ifNoneMatch: etag }),
    );
    if (answer.status === 'unauthorized') {
      await discard(answer.body);
      // Its session is over: it has to register anew, before anybody knows.
      polled = undefined;
      return 'session-over';
    }
    if (answer.status === 'valid' || (answer.etag !== undefined && answer.etag === wokenFor)) {
      await discard(answer.body);
      return 'none';
    }
    const bytes = await contentOf(answer, offerBytesMax, 'an answer to a poll');
    // Empty where there is nothing; a word on the newest release is for the core, too.
    if (bytes.length > 0) parsed(() => read(PollAnswer, bytes), 'answer to a poll');
    wokenFor = bytes.length > 0 ? answer.etag : undefined;
    return bytes.length > 0 ? 'news' : 'none';
  }

  async function wake(signal: AbortSignal): Promise<void> {
    const answer = await ask(request('POST', '/core/look', { signal }));
    await discard(answer.body);
    if (answer.status === 'changed') return;
    throw new TransportError('malformed', `expected a core that looks, found ${answer.status}`);
  }

  return {
    close,
    standing: () => ({ status, heardMs, woken }),
    async look(signal) {
      status = await queried(signal);
      heardMs = clock.monotonicMs();
      if (polled === undefined || polled.device !== status.device) {
        // It polls at its start by itself. Whoever was met in the middle of its life is asked to, once.
        unknown += 1;
        if (unknown === 2) await wake(signal);
        return;
      }
      unknown = 0;
      const news = await newsFor(polled, signal);
      if (news === 'none') return;
      try {
        await wake(signal);
        if (news === 'news') woken += 1;
      } catch (error) {
        wokenFor = undefined;
        throw error;
      }
    },
  };
}

/** What a core may ask of the world through its communicator, and nothing else. */
const carried = [
  'GET /payloads/{digest}',
  'GET /manifests/{digest}',
  'GET /latest/{vendor}/{class}',
  'GET /statements/{digest}',
  'GET /challenges/{device}',
  'POST /register',
  'POST /check-in',
  'POST /answers',
  'POST /reports',
] as const;

type OnPoll = (asked: Request, answer: Response, device: string) => void;

function carrying(upstream: Handler, onBug: (error: unknown) => void, onPoll: OnPoll): Handler {
  const carry = (asked: Request) => upstream(passedOn(asked));
  return routes(
    {
      ...Object.fromEntries(carried.map((resource) => [resource, carry])),
      'GET /offers/{device}': async (asked, { device = '' }) => {
        const answer = await carry(asked);
        onPoll(asked, answer, device);
        return answer;
      },
    },
    { onBug },
  );
}

async function contentOf(answer: Response, bytesMax: number, what: string): Promise<Uint8Array> {
  if (answer.status === 'ok') return collect(answer.body, bytesMax);
  await discard(answer.body);
  throw new TransportError('no-answer', `expected ${what}, found ${answer.status}`);
}

function parsed<T>(read_: () => T, what: string): T {
  try {
    return read_();
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new TransportError('malformed', `${what}: ${error.message}`, { cause: error });
  }
}
