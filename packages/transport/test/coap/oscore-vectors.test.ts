/** The vectors of RFC 8613, Appendix C, where the folder of public vectors is. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hex, unhex } from '@lapel/cbor';
import type { Message, SequenceStore } from '@lapel/transport/coap';
import {
  decodeMessage,
  deriveKeys,
  encodeMessage,
  nonceOf,
  openRequest,
  openResponse,
  oscoreContext,
  protectRequest,
  protectResponse,
} from '@lapel/transport/coap';

const folder =
  process.env['LAPEL_VECTORS'] ?? new URL('../../../../../shared/vectors', import.meta.url).pathname;
const file = `${folder}/oscore/rfc8613-appendix-c.json`;
const skip = existsSync(file) ? false : 'the public vectors are not here: set LAPEL_VECTORS';

type Fields = Readonly<Record<string, string>>;
type Vector = Readonly<Record<string, Fields>>;
const vectors: Readonly<Record<string, Vector>> =
  skip === false ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Vector>) : {};

const bytes = (text: string | undefined) => unhex(text ?? '') ?? new Uint8Array(0);
const store: SequenceStore = { take: async () => 0 };

/** Vector 1.1 and 1.2 say what the contexts of the messages were derived from; 2 and 3 likewise. */
function contextOf(name: string) {
  const given = vectors[name]?.['inputs'] ?? {};
  const context = given['ID Context'];
  return oscoreContext({
    masterSecret: bytes(given['Master Secret']),
    masterSalt: bytes(given['Master Salt']),
    ...(context === undefined ? {} : { idContext: bytes(context) }),
    senderId: bytes(given['Sender ID']),
    recipientId: bytes(given['Recipient ID']),
    store,
  });
}

test('RFC 8613 §C.1-C.3: keys and nonces come from the secret as they should', { skip }, () => {
  for (const name of ['C.1.1', 'C.1.2', 'C.2.1', 'C.2.2', 'C.3.1', 'C.3.2']) {
    const { secret } = contextOf(name);
    const keys = deriveKeys(secret);
    const { outputs = {}, nonces_partial_iv_0: nonces = {} } = vectors[name] ?? {};
    assert.equal(hex(keys.senderKey), outputs['Sender Key'], name);
    assert.equal(hex(keys.recipientKey), outputs['Recipient Key'], name);
    assert.equal(hex(keys.commonIv), outputs['Common IV'], name);
    const zero = Uint8Array.of(0);
    assert.equal(hex(nonceOf(keys.commonIv, secret.senderId, zero)), nonces['sender nonce'], name);
    assert.equal(hex(nonceOf(keys.commonIv, secret.recipientId, zero)), nonces['recipient nonce'], name);
  }
});

const requests = { 'C.4': ['C.1.1', 'C.1.2'], 'C.5': ['C.2.1', 'C.2.2'], 'C.6': ['C.3.1', 'C.3.2'] } as const;

test('RFC 8613 §C.4-C.6: a request is protected byte for byte, and opened again', { skip }, async () => {
  for (const [name, [client, server]] of Object.entries(requests)) {
    const { message = {}, result = {}, sender_context: sender = {} } = vectors[name] ?? {};
    const plain = decodeMessage(bytes(message['Unprotected CoAP request']));
    const number = Number(sender['Sender Sequence Number']);
    const { content, binding } = await protectRequest(contextOf(client), plain, number);
    const sent = encodeMessage({ ...plain, ...content });
    assert.equal(hex(sent), result['Protected CoAP request (OSCORE message)'], name);
    const opened = openRequest(contextOf(server), binding, decodeMessage(sent));
    assert.deepEqual(opened, { code: plain.code, options: plain.options, payload: plain.payload });
  }
});

test('RFC 8613 §C.7, §C.8: a response is, too, with and without a number of its own', { skip }, () => {
  const binding = { kid: new Uint8Array(0), partialIv: Uint8Array.of(0x14) };
  for (const [name, number] of [
    ['C.7', undefined],
    ['C.8', 0],
  ] as const) {
    const { message = {}, result = {} } = vectors[name] ?? {};
    const plain: Message = decodeMessage(bytes(message['Unprotected CoAP response']));
    const sealed = protectResponse(contextOf('C.1.2'), binding, plain, number);
    const sent = encodeMessage({ ...plain, ...sealed });
    assert.equal(hex(sent), result['Protected CoAP response (OSCORE message)'], name);
    const opened = openResponse(contextOf('C.1.1'), binding, decodeMessage(sent));
    assert.deepEqual(opened?.content.payload, plain.payload);
    assert.equal(opened.content.code, plain.code);
  }
});
