/** Secrets for OSCORE in files, as libcoap has them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { systemRandom } from '@lapel/transport';
import { asJson, generateSharedSecret, oscoreText, readOscoreFile } from '../src/oscore-file.ts';

async function readerIn(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-oscore-'));
  t.after(() => rm(folder, { recursive: true }));
  return async (text: string) => {
    const file = join(folder, 'lamp.oscore');
    await writeFile(file, text);
    return readOscoreFile(file);
  };
}

test('RFC 8613 §3.2: a secret is read from its file as it was written', async (t) => {
  const read = await readerIn(t);
  const secret = generateSharedSecret(systemRandom);
  assert.deepEqual(await read(oscoreText(secret)), secret);
  const whole = { ...secret, salt: Uint8Array.of(1, 2), idContext: Uint8Array.of(3) };
  assert.deepEqual(await read(oscoreText(whole)), whole);
});

test('RFC 8613 §3.2: a file of libcoap is read, with all that does not matter here', async (t) => {
  const read = await readerIn(t);
  const found = await read(
    [
      '# a device of somebody else',
      'master_secret,hex,"0102030405060708090a0b0c0d0e0f10"',
      'master_salt,hex,"9e7ca92223786340"',
      'sender_id,ascii,"client"',
      'recipient_id,ascii,"server"',
      'replay_window,integer,30',
      'aead_alg,integer,10',
      'hkdf_alg,integer,-10',
      'rfc8613_b_1_2,bool,true',
      '',
    ].join('\r\n'),
  );
  assert.deepEqual(asJson(found), {
    masterSecret: '0102030405060708090a0b0c0d0e0f10',
    masterSalt: '9e7ca92223786340',
    senderId: '636c69656e74',
    recipientId: '736572766572',
  });
});

test('RFC 8613 §3.2, §3.3: what is no secret for two is refused, and not repeated', async (t) => {
  const read = await readerIn(t);
  const text = oscoreText(generateSharedSecret(systemRandom));
  const [secret = ''] = text.split('\n');
  const broken = [
    ['', /master_secret, found none/],
    [text.replace(/sender_id.*\n/, ''), /sender_id, found none/],
    [text.replace(secret, 'master_secret,hex,"0102"'), /master_secret of 16 to 64 bytes, found another/],
    [text.replace(secret, 'master_secret,hex,"0g"'), /master_secret of 16 to 64 bytes, found another/],
    [text.replace('recipient_id,hex,"', 'recipient_id,hex,"0011223344'), /recipient_id of 0 to 7 bytes/],
    [`${text}aead_alg,integer,1\n`, /aead_alg to be AES-CCM-16-64-128, found 1/],
  ] as const;
  for (const [content, expected] of broken) {
    await assert.rejects(read(content), (error: Error) => {
      assert.match(error.message, expected);
      assert.ok(!error.message.includes(secret.slice(20, 52)));
      return true;
    });
  }
});
