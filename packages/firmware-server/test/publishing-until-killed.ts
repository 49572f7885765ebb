/**
 * A process of its own for `catalog.test.ts`: publishes and releases one manifest after the other in the
 * folder that it is given, and says so on its standard output as soon as the server has answered. It ends
 * when it is killed.
 */
import { encodeVerificationKey } from '@lapel/cose';
import { bytesBody, request } from '@lapel/transport';
import { author, forge, hex } from './forge.ts';
import { open } from './serving.ts';

const [, , folder = ''] = process.argv;
const image = new TextEncoder().encode('lamp');
const peer = { id: 'all-1', roles: ['author', 'operator'] };
const server = await open(folder);
process.stdout.write(`${hex(encodeVerificationKey(author.public))}\n`);

for (let sequenceNumber = 1; ; sequenceNumber++) {
  const uri = `https://cdn.example/${sequenceNumber}`;
  const { bytes, digest } = forge({ sequenceNumber, image, uri });
  const published = await server.handler(request('POST', '/manifests', { peer, body: bytesBody(bytes) }));
  if (published.status === 'created') process.stdout.write(`published ${digest}\n`);
  const released = await server.handler(request('POST', `/releases/${digest}`, { peer }));
  if (released.status === 'ok') process.stdout.write(`released ${digest}\n`);
}
