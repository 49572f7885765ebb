/**
 * What a device shares with its servers for OSCORE, as libcoap reads it (coap-oscore-conf(5)), from the
 * device's side: so a device that runs libcoap is let in by the same file.
 */

import { hex, unhex } from '@lapel/cbor';
import type { SharedSecret } from '@lapel/cose';
import type { Random } from '@lapel/transport';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readTextFile } from './files.ts';

const secretBytes = 16;
/** RFC 8613 §3.3: as long as it may be, so that chance makes no two alike. */
const senderBytes = 7;
const serverName = 'server';

export const generateSharedSecret = (random: Random): SharedSecret => ({
  secret: random.bytes(secretBytes),
  sender: random.bytes(senderBytes),
  recipient: new TextEncoder().encode(serverName),
});

export function oscoreText({ secret, salt, idContext, sender, recipient }: SharedSecret): string {
  const line = (name: string, value: Uint8Array) => `${name},hex,"${hex(value)}"\n`;
  return [
    line('master_secret', secret),
    ...(salt === undefined ? [] : [line('master_salt', salt)]),
    ...(idContext === undefined ? [] : [line('id_context', idContext)]),
    line('sender_id', sender),
    line('recipient_id', recipient),
  ].join('');
}

/** Bytes that a value may have, by its name. */
const bounds: Readonly<Record<string, readonly [min: number, max: number]>> = {
  master_secret: [16, 64],
  master_salt: [1, 64],
  id_context: [1, 64],
  sender_id: [0, 7],
  recipient_id: [0, 7],
};

/** What may stand in a file and must say what is so here anyway. */
const fixed: Readonly<Record<string, readonly string[]>> = {
  aead_alg: ['AES-CCM-16-64-128', '10'],
  hkdf_alg: ['direct+HKDF-SHA-256', '-10'],
};

const linePattern = /^(?<name>[a-z0-9_]+),(?<encoding>hex|ascii|text|integer|bool),(?<value>.*)$/;

/** @throws {CommandFailure} */
export async function readOscoreFile(file: string): Promise<SharedSecret> {
  const values = new Map<string, Uint8Array>();
  const lines = (await readTextFile(file)).split('\n').map((line) => line.trim());
  for (const line of lines.filter((each) => each !== '' && !each.startsWith('#'))) {
    const { name = '', encoding = '', value = '' } = linePattern.exec(line)?.groups ?? {};
    const text = value.replace(/^"(?<inside>.*)"$/, '$<inside>');
    if (fixed[name]?.includes(text) === false)
      throw unread(file, `${name} to be ${fixed[name][0]}, found ${text}`);
    const bound = bounds[name];
    if (bound === undefined) continue;
    const bytes = encoding === 'hex' ? unhex(text) : new TextEncoder().encode(text);
    if (bytes === undefined || bytes.length < bound[0] || bytes.length > bound[1])
      throw unread(file, `${name} of ${bound[0]} to ${bound[1]} bytes, found another`);
    values.set(name, bytes);
  }
  const [secret, sender, recipient] = ['master_secret', 'sender_id', 'recipient_id'].map((name) => {
    const value = values.get(name);
    if (value === undefined) throw unread(file, `${name}, found none`);
    return value;
  });
  const [salt, idContext] = [values.get('master_salt'), values.get('id_context')];
  return {
    secret: secret ?? new Uint8Array(),
    ...(salt === undefined ? {} : { salt }),
    ...(idContext === undefined ? {} : { idContext }),
    sender: sender ?? new Uint8Array(),
    recipient: recipient ?? new Uint8Array(),
  };
}

const unread = (file: string, what: string) =>
  new CommandFailure(exitCodes.failed, `expected in ${file} ${what}`);

/** As the tracker's API takes it. */
export const asJson = ({ secret, salt, idContext, sender, recipient }: SharedSecret) => ({
  masterSecret: hex(secret),
  ...(salt === undefined ? {} : { masterSalt: hex(salt) }),
  ...(idContext === undefined ? {} : { idContext: hex(idContext) }),
  senderId: hex(sender),
  recipientId: hex(recipient),
});
