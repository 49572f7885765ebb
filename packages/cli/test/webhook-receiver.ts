/** A receiver of webhooks over HTTP that believes nothing unsigned or old, by code of its own. */
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StateChange } from '@lapel/status-tracker';

export const secretOf = (fill: number): string => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;

export interface Posted {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: string;
}

export interface WebhookReceiver {
  readonly url: string;
  /** Whatever came, in its order. */
  readonly posted: readonly Posted[];
  /** What it took, each message once. */
  changes(): readonly StateChange[];
  until(holds: () => boolean): Promise<void>;
  /** Whoever waits for an answer never has one. */
  close(): Promise<void>;
}

const deadlineMs = 20_000;
/** Standard Webhooks would have a message refused that is older. */
const ageSecondsMax = 300;

/** @param answer to the message of that number, from 0; 200 where it says nothing; -1 for none at all */
export async function openReceiver(
  answer: (number: number, outgoing: ServerResponse) => number | undefined = () => undefined,
): Promise<WebhookReceiver> {
  const posted: Posted[] = [];
  const taken = new Map<string, readonly StateChange[]>();
  const server = createServer((incoming, outgoing) => {
    void read(incoming).then((message) => {
      const number = posted.push(message) - 1;
      const status = answer(number, outgoing) ?? 200;
      if (status < 0) return;
      if (status === 200) taken.set(message.id, changesIn(message));
      outgoing.writeHead(status).end('an answer that nobody reads');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/lapel?from=test`,
    posted,
    changes: () => [...taken.values()].flat(),
    async until(holds) {
      const end = AbortSignal.timeout(deadlineMs);
      while (!holds()) {
        assert.ok(!end.aborted, `expected another ending, found ${JSON.stringify(posted, undefined, 1)}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function read(incoming: IncomingMessage): Promise<Posted> {
  assert.equal(incoming.method, 'POST');
  assert.equal(incoming.url, '/lapel?from=test');
  assert.equal(incoming.headers['content-type'], 'application/json');
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const header = (name: string) => String(incoming.headers[name]);
  return {
    id: header('webhook-id'),
    timestamp: header('webhook-timestamp'),
    signature: header('webhook-signature'),
    body: Buffer.concat(pieces).toString(),
  };
}

interface Body {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly tenant: string; readonly changes: readonly StateChange[] };
}

function changesIn({ body }: Posted): readonly StateChange[] {
  const { type, timestamp, data } = JSON.parse(body) as Body;
  assert.equal(type, 'fleet.changed');
  assert.equal(data.tenant, 'default');
  assert.equal(Date.parse(timestamp), data.changes.at(-1)?.atMs);
  return data.changes;
}

/** Whether who knows the secret has sent it, and of late. */
export function isGenuine(
  { id, timestamp, signature, body }: Posted,
  secret: string,
  nowMs: number,
): boolean {
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > ageSecondsMax) return false;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  return signature.split(' ').some((each) => {
    const found = Buffer.from(each.replace(/^v1,/, ''), 'base64');
    return found.length === expected.length && timingSafeEqual(found, expected);
  });
}
