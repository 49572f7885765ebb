/**
 * News by LISTEN and NOTIFY: the server hands them out when the transaction that they are of is committed,
 * in the order of the commits. A listener that was cut off says that it may have missed some.
 */
import { hex } from '@lapel/cbor';
import type { Clock, Random } from '@lapel/transport';
import type { Client } from 'pg';
import type { News, NewsStore } from './news.ts';

const channel = 'lapel_fleet';
/** A payload is shorter than 8000 bytes (the manual, NOTIFY); a character of JSON has three at most. */
const payloadLengthMax = 2_500;
const reconnectMs = 500;

interface Payload {
  readonly from: string;
  readonly tenant: string;
  readonly news: readonly News[];
}

/** Payloads that are short enough, in order; news that no payload holds are told as missed. */
export function payloadsOf(from: string, tenant: string, news: readonly News[]): readonly string[] {
  const payloads: string[] = [];
  let batch: string[] = [];
  let length = 0;
  const flush = () => {
    if (batch.length === 0) return;
    payloads.push(
      `{"from":${JSON.stringify(from)},"tenant":${JSON.stringify(tenant)},"news":[${batch.join()}]}`,
    );
    batch = [];
    length = 0;
  };
  for (const each of news) {
    const text = JSON.stringify(each);
    const fitting = text.length > payloadLengthMax ? '{"kind":"missed"}' : text;
    if (length + fitting.length > payloadLengthMax) flush();
    batch.push(fitting);
    length += fitting.length;
  }
  flush();
  return payloads;
}

export const newName = (random: Random): string => hex(random.bytes(8));

export function newsOf(
  connect: () => Promise<Client>,
  tenant: string,
  name: string,
  clock: Pick<Clock, 'sleep'>,
): NewsStore {
  return {
    async follow(take) {
      const over = new AbortController();
      let client = await listen();

      async function listen(): Promise<Client> {
        const listening = await connect();
        listening.on('notification', ({ payload = '' }) => {
          const told = readPayload(payload);
          if (told === undefined) take([{ kind: 'missed' }]);
          else if (told.tenant === tenant && told.from !== name) take(told.news);
        });
        // It ends after every error; what is to be done then is done once.
        listening.on('error', () => undefined);
        listening.once('end', () => void again());
        await listening.query(`LISTEN ${channel}`);
        return listening;
      }

      async function again(): Promise<void> {
        while (!over.signal.aborted) {
          try {
            client = await listen();
            take([{ kind: 'missed' }]);
            return;
          } catch (error) {
            // Away for longer; who asks the store meanwhile is told so.
            if (!(error instanceof Error)) throw error;
            await clock.sleep(reconnectMs);
          }
        }
      }

      return async () => {
        over.abort();
        await client.end();
      };
    },
  };
}

/** Anybody with an account may notify: what is not ours is no news, but a reason to look. */
function readPayload(payload: string): Payload | undefined {
  try {
    const value = JSON.parse(payload) as Partial<Payload> | null;
    const isOurs =
      typeof value?.from === 'string' && typeof value.tenant === 'string' && Array.isArray(value.news);
    return isOurs ? (value as Payload) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export const notifySql = `SELECT pg_notify('${channel}', ?)`;
