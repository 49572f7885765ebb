import assert from 'node:assert/strict';
import { generateSigningKey } from '@lapel/cose';
import { createFirmwareServer } from '@lapel/firmware-server';
import { discard, request } from '@lapel/transport';

const unexpected = (problem: unknown): never => {
  throw new Error('expected no mistake', { cause: problem });
};
const { handler, catalog } = await createFirmwareServer({
  folder: 'firmware',
  trustAnchors: [{ key: generateSigningKey('P-256').public }],
  onBug: unexpected,
  onRefused: unexpected,
});
assert.deepEqual(catalog.all(), []);
const answer = await handler(request('GET', `/payloads/${'0'.repeat(64)}`));
assert.notEqual(answer.status, 'ok');
await discard(answer.body);
