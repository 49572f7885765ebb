/**
 * Webhooks: who outside is told what changes, as on a command line, and how a message is posted there. The
 * address is the operator's own word; where an answer would send it, nothing is sent.
 */

import * as http from 'node:http';
import * as https from 'node:https';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { FleetStore } from '@lapel/status-tracker';
import type { Message, Receiver } from '@lapel/status-tracker/outbox';
import { sendOut, signedHeaders } from '@lapel/status-tracker/outbox';
import { systemClock, systemRandom } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readTextFile } from '../files.ts';
import type { ServerLog } from './server-log.ts';

export interface WebhookOptions {
  readonly webhook: readonly string[];
  readonly webhookSecret?: string | undefined;
}

/** Each is a row more for each change. */
const webhooksMax = 8;
/** One that holds, and those that are on their way out. */
const secretsMax = 4;
/** Standard Webhooks 1.0, "Signature scheme". */
const secretBytes = { min: 24, max: 64 };
/** A receiver that does more first is to answer before it does. */
const answerMsMax = 10_000;
const headBytesMax = 16 * 1024;

/** @throws {CommandFailure} */
export async function readWebhooks({ webhook, webhookSecret }: WebhookOptions): Promise<readonly Receiver[]> {
  if ((webhook.length === 0) !== (webhookSecret === undefined)) {
    const [there, missing] = webhook.length === 0 ? ['-secret', ''] : ['', '-secret'];
    throw usage(`expected --webhook${missing} with --webhook${there}, found none`);
  }
  if (webhookSecret === undefined) return [];
  const urls = new Set(webhook.map((text) => targetOf(text).href));
  if (urls.size > webhooksMax)
    throw usage(`expected --webhook at most ${webhooksMax} times, found it ${urls.size} times`);
  const secrets = await secretsIn(webhookSecret);
  return [...urls].map((href) => receiverAt(new URL(href), secrets));
}

const loopback: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** What is wrong with an address is told without it: who knows it may send there, as often. */
function targetOf(text: string): URL {
  const expected = 'expected --webhook to be https://HOST/PATH, or http:// on this machine';
  if (!URL.canParse(text)) throw usage(`${expected}, found another text`);
  const url = new URL(text);
  const { protocol, hostname, username, password, hash } = url;
  if (username !== '' || password !== '') throw usage(`${expected}, found a name or password in it`);
  if (hash !== '') throw usage(`${expected}, found a fragment in it`);
  if (protocol === 'https:' || (protocol === 'http:' && loopback.includes(hostname))) return url;
  throw usage(`${expected}, found ${protocol}//${hostname}`);
}

async function secretsIn(file: string): Promise<readonly Uint8Array[]> {
  const lines = (await readTextFile(file)).split('\n').map((line) => line.trim());
  const secrets = lines.filter((line) => line !== '').map((line) => secretOf(line, file));
  if (secrets.length > 0 && secrets.length <= secretsMax) return secrets;
  throw failed(`expected 1 to ${secretsMax} secrets in ${file}, found ${secrets.length}`);
}

/** Nothing of it is told. */
function secretOf(line: string, file: string): Uint8Array {
  const base64 = /^whsec_(?<base64>[A-Za-z0-9+/]+={0,2})$/.exec(line)?.groups?.['base64'];
  if (base64 === undefined) throw failed(`expected whsec_ and base64 in each line of ${file}, found another`);
  const { min, max } = secretBytes;
  const secret = new Uint8Array(Buffer.from(base64, 'base64'));
  if (secret.length >= min && secret.length <= max) return secret;
  throw failed(`expected secrets of ${min} to ${max} bytes in ${file}, found one of ${secret.length}`);
}

const receiverAt = (url: URL, secrets: readonly Uint8Array[]): Receiver => ({
  name: hex(digest('sha-256', new TextEncoder().encode(url.href))),
  shown: url.origin,
  post: async (message, signal) => post(url, message, secrets, signal),
});

/** Of an answer its status counts; nothing else of it is read. */
async function post(
  url: URL,
  message: Message,
  secrets: readonly Uint8Array[],
  closing: AbortSignal,
): Promise<string | undefined> {
  const late = AbortSignal.timeout(answerMsMax);
  const body = Buffer.from(message.body);
  const headers = { ...signedHeaders(message, secrets, systemClock.wallMs()), 'content-length': body.length };
  const signal = AbortSignal.any([closing, late]);
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve) => {
    const given = { method: 'POST', headers, signal, agent: false, maxHeaderSize: headBytesMax } as const;
    const outgoing = request(url, given, (incoming) => {
      const { statusCode = 0 } = incoming;
      incoming.once('error', () => undefined).destroy();
      resolve(statusCode >= 200 && statusCode < 300 ? undefined : saidBy(statusCode));
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      resolve(
        late.aborted ? `no answer within ${answerMsMax / 1000} s` : `no answer: ${error.code ?? error.name}`,
      );
    });
    outgoing.end(body);
  });
}

const saidBy = (status: number): string =>
  status >= 300 && status < 400 ? `a redirect (${status}), which is not followed` : `status ${status}`;

export interface Sending {
  readonly store: FleetStore;
  readonly tenant: string;
  readonly webhooks: readonly Receiver[];
  readonly log: Pick<ServerLog, 'bug' | 'notice'>;
}

/** From when it resolves, nothing that changes is missed. @returns what ends after the signal. */
export async function sendChanges(
  { store, tenant, webhooks, log }: Sending,
  signal: AbortSignal,
): Promise<{ readonly ended: Promise<void> }> {
  const world = { clock: systemClock, random: systemRandom, holder: hex(systemRandom.bytes(8)) };
  const telling = { onNotice: log.notice, onBug: log.bug };
  return sendOut({ ...world, ...telling, store, tenant, receivers: webhooks }, signal);
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, message);
const failed = (message: string) => new CommandFailure(exitCodes.failed, message);
