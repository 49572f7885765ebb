import assert from 'node:assert/strict';
import { openGateway } from '@lapel/gateway';
import { TransportError, discard, request } from '@lapel/transport';

const unexpected = (problem: unknown): never => {
  throw new Error('expected no mistake', { cause: problem });
};
const away = {
  name: 'https://away.example',
  handler: async () => {
    throw new TransportError('unreachable', 'nobody is there');
  },
};
const gateway = await openGateway({
  folder: 'gateway',
  upstreams: [away],
  onNotice: () => undefined,
  onBug: unexpected,
});
const answer = await gateway.handler(request('GET', `/payloads/${'0'.repeat(64)}`));
assert.notEqual(answer.status, 'ok');
await discard(answer.body);
assert.equal(gateway.standing().cache.bytes, 0);
await gateway.close();
