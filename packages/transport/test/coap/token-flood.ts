/**
 * So many requests under a token each, to one endpoint, in a process of its own: what runs tests follows each
 * promise, and its memory would count. Prints how much more is used at the end than after a third.
 */
import assert from 'node:assert/strict';
import type { Handler } from '@lapel/transport';
import { bytesBody } from '@lapel/transport';
import {
  blockServer,
  createEndpoint,
  encodeMessage,
  messageTypes,
  methodCodes,
  provingAddress,
  text,
} from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import { lossyLink } from './lossy-link.ts';

const count = Number(process.argv[2]);
assert.ok(globalThis.gc, 'expected --expose-gc');
const collectGarbage = globalThis.gc;

let receive: (bytes: Uint8Array, from: string) => void = assert.fail;
let answers = 0;
const { clock, random } = lossyLink(1);
const common = { clock, random, onBug: noBug };
const handler: Handler = async () => ({ status: 'ok', body: bytesBody(utf8('short')) });
createEndpoint({
  ...common,
  limits: { recentBytesMax: 256 * 1024 },
  respond: provingAddress(blockServer(handler, common), common),
  datagrams: {
    send: () => void (answers += 1),
    listen: (onDatagram) => void (receive = onDatagram),
    close: async () => undefined,
  },
});
const asked = encodeMessage({
  type: messageTypes.nonConfirmable,
  code: methodCodes.GET,
  id: 0,
  token: new Uint8Array(8),
  options: [text('uriPath', 'ranged'), text('uriPath', 'image')],
  payload: new Uint8Array(0),
});

const flood = async (from: number, to: number): Promise<number> => {
  for (let at = from; at < to; at++) {
    const bytes = asked.slice();
    new DataView(bytes.buffer).setUint16(2, at & 0xffff);
    new DataView(bytes.buffer).setUint32(4, at);
    // Of 2,000 senders the numbers of messages are remembered, as they may be of 10,000.
    receive(bytes, at % 2 === 0 ? 'one' : `many ${at % 4_000}`);
    if (at % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

const third = Math.floor(count / 3);
const before = await flood(0, third);
const after = await flood(third, count);
console.log(JSON.stringify({ moreBytes: after - before, answers }));
