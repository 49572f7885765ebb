/** An author and an operator, one after the other: the image and its envelope are uploaded, then released. */

import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { publishRelease } from '@lapel/author';
import type { Handler, Peer } from '@lapel/transport';
import { bearer, bytesBody, readProblem, request } from '@lapel/transport';

const peers: Readonly<Record<string, Peer>> = {
  'author-token': { id: 'author', roles: ['author'] },
  'operator-token': { id: 'operator', roles: ['operator'] },
};

/**
 * @param server a firmware server's handler, whose peers are proved here. Returns the manifest's digest in
 * hex.
 */
export async function publishTo(server: Handler, envelope: Uint8Array, image: Uint8Array): Promise<string> {
  const proved = bearer(server, (token) => peers[token]);
  const payload = {
    digest: hex(digest('sha-256', image)),
    sizeBytes: image.length,
    open: () => bytesBody(image),
  };
  const published = await publishRelease(proved, { envelope, payloads: [payload], token: 'author-token' });
  const headers = { authorization: 'Bearer operator-token' };
  const answer = await proved(request('POST', `/releases/${published.digest}`, { headers }));
  if (answer.status !== 'ok') throw await readProblem(answer);
  return published.digest;
}
