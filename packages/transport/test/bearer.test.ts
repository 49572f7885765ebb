import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer, Request } from '@lapel/transport';
import { bearer, emptyBody, request, requireRole } from '@lapel/transport';

const lamp: Peer = { id: 'lamp-0', roles: ['device'] };

/** Who the request is from, seen from behind `bearer`, and the tokens that were looked up on the way. */
async function peerOf(
  given: Partial<Request>,
): Promise<{ peer: Peer | undefined; asked: readonly string[] }> {
  const asked: string[] = [];
  let peer: Peer | undefined;
  const handler = bearer(
    async (seen) => {
      peer = seen.peer;
      return { status: 'ok', body: emptyBody };
    },
    (token) => {
      asked.push(token);
      return token === 'tok-_~+/en==' ? lamp : undefined;
    },
  );
  await handler(request('GET', '/', given));
  return { peer, asked };
}

test('RFC 6750 §2.1: a known token proves its peer, whatever the case of the scheme', async () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    const { peer } = await peerOf({ headers: { authorization: `${scheme} tok-_~+/en==` } });
    assert.deepEqual(peer, lamp);
  }
});

test('an unknown token proves nobody, not even who was proven before', async () => {
  const { peer, asked } = await peerOf({ headers: { authorization: 'Bearer other' }, peer: lamp });
  assert.equal(peer, undefined);
  assert.deepEqual(asked, ['other']);
});

test('without a token, what the channel proved stays', async () => {
  assert.deepEqual((await peerOf({ peer: lamp })).peer, lamp);
  assert.equal((await peerOf({})).peer, undefined);
});

test('house rule 8: what cannot be a token is not looked up', async () => {
  for (const authorization of [
    'Basic dXNlcg==',
    'Bearer',
    'Bearer a b',
    'Bearer a,b',
    `Bearer ${'a'.repeat(600)}`,
  ]) {
    const { peer, asked } = await peerOf({ headers: { authorization } });
    assert.equal(peer, undefined);
    assert.deepEqual(asked, []);
  }
});

test('RFC 9019 §3: nobody is unauthorized, somebody without the role is forbidden', () => {
  assert.throws(() => requireRole(request('GET', '/'), 'author'), { name: 'Problem', code: 'unauthorized' });
  assert.throws(() => requireRole(request('GET', '/', { peer: lamp }), 'author', 'operator'), {
    code: 'forbidden',
    detail: 'expected the role author or operator, found device',
  });
  assert.equal(requireRole(request('GET', '/', { peer: lamp }), 'viewer', 'device'), lamp);
});
