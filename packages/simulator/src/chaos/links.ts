/**
 * The ways from devices to trackers, and who listens on them: messages come twice, late and out of order,
 * and answers of before come again.
 */

import { setImmediate as turn } from 'node:timers/promises';
import { offerBytesMax } from '@lapel/status-tracker/protocol';
import type { Clock, Handler, Request, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect, discard, httpClient, request } from '@lapel/transport';
import type { SeededRandom } from '../random.ts';
import type { Trackers } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { TrackerProcess } from './tracker-control.ts';

export interface Link {
  readonly handler: Handler;
  /** Whether the last poll was answered by what somebody had kept: an offer of before, with its trigger. */
  wasStale(): boolean;
}

export interface Links {
  link(device: string): Link;
  /** One message of before comes again, or one that was held back comes at last. */
  mischief(): Promise<void>;
  readonly counts: { repeated: number; refused: number; twice: number; late: number; stale: number };
}

interface LinksOptions {
  readonly trackers: Trackers;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly ledger: Ledger;
}

const messageBytesMax = 64 * 1024;
/** Messages that are kept to be sent again, and answers to polls. */
const heardMax = 200;
const keptMax = 20;
const lateMax = 50;

/** A message of a device, as whoever listens has it. */
interface Heard {
  readonly device: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly asked: Request;
  /** Once an answer has said so. */
  isTaken?: boolean;
}

export function openLinks({ trackers, random, ledger }: LinksOptions): Links {
  const counts = { repeated: 0, refused: 0, twice: 0, late: 0, stale: 0 };
  const clients = new Map<string, Handler>();
  const heard: Heard[] = [];
  const late: Heard[] = [];
  const oneIn = (count: number) => random.below(count) === 0;

  async function send(asked: Request, tracker: TrackerProcess | undefined): Promise<Response> {
    if (tracker?.isAlive() !== true) throw new TransportError('unreachable', 'no tracker runs');
    const client = clients.get(tracker.url) ?? httpClient(new URL(tracker.url));
    clients.set(tracker.url, client);
    return client(asked);
  }

  const again = async ({ path, body, asked }: Heard): Promise<Response> => {
    const { signal: _, ...rest } = asked;
    return send({ ...request('POST', path), ...rest, body: bytesBody(body) }, trackers.any());
  };

  function link(device: string): Link {
    let own: TrackerProcess | undefined;
    let wasStale = false;
    const kept: Uint8Array[] = [];

    /** A load balancer keeps a device with one tracker, as long as that runs, and now and then does not. */
    function way(): TrackerProcess | undefined {
      if (own?.isAlive() !== true || oneIn(20)) own = trackers.any();
      return own;
    }

    async function poll(asked: Request): Promise<Response> {
      const response = await send(asked, way());
      wasStale = false;
      if (response.status !== 'ok') return response;
      const bytes = await collect(response.body, offerBytesMax);
      const old = kept[random.below(Math.max(1, kept.length))];
      if (bytes.length > 0) kept[kept.length < keptMax ? kept.length : random.below(keptMax)] = bytes;
      if (old === undefined || !oneIn(30)) return { ...response, body: bytesBody(bytes) };
      counts.stale++;
      wasStale = true;
      const { etag: _, ...rest } = response;
      return { ...rest, size: old.length, body: bytesBody(old) };
    }

    async function post(asked: Request): Promise<Response> {
      const { path } = asked;
      const body = await collect(asked.body, messageBytesMax);
      const whole = () => ({ ...asked, body: bytesBody(body) });
      const message: Heard = { device, path, body, asked };
      if (path !== '/register' && late.length < lateMax && oneIn(25)) {
        late.push(message);
        throw new TransportError('unreachable', 'somebody holds it back');
      }
      heard[random.below(heardMax)] = message;
      if (path !== '/reports' || !oneIn(4)) {
        const response = await send(whole(), way());
        message.isTaken = isTaken(response.status);
        return response;
      }
      counts.twice++;
      const other = again(message).then(
        async (response) => discard(response.body),
        () => undefined,
      );
      const response = await send(whole(), way());
      await other;
      return response;
    }

    return {
      async handler(asked) {
        if (asked.method === 'POST') return post(asked);
        return asked.path.startsWith('/offers/') ? poll(asked) : send(asked, way());
      },
      wasStale: () => wasStale,
    };
  }

  async function repeat(): Promise<void> {
    const old = heard[random.below(heardMax)];
    if (old === undefined) return;
    counts.repeated++;
    const { status, body } = await again(old);
    await discard(body);
    if (!isTaken(status)) counts.refused++;
    // One that its sender had no answer to may be taken now, for the first time.
    else if (old.path === '/register' && old.isTaken) ledger.finding('a registration was taken twice');
    else old.isTaken = true;
  }

  async function deliver(): Promise<void> {
    const [message] = late.splice(random.below(Math.max(1, late.length)), 1);
    if (message === undefined) return turn();
    counts.late++;
    const { status, body } = await again(message);
    await discard(body);
    if (message.path === '/reports' && isTaken(status)) ledger.taken(message.device, message.body);
  }

  return { link, mischief: async () => (oneIn(3) ? deliver() : repeat()), counts };
}

const isTaken = (status: Response['status']) =>
  status === 'ok' || status === 'created' || status === 'changed';
