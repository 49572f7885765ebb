/** A key that never leaves its token signs a manifest: SoftHSM2 through pkcs11-tool of OpenSC. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createPublicKey } from 'node:crypto';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');
const module = '/usr/lib/softhsm/libsofthsm2.so';
const pin = '1234';

const isThere = (command: string) =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
const missing =
  existsSync(module) && isThere('softhsm2-util') && isThere('pkcs11-tool')
    ? undefined
    : 'it needs the Debian packages softhsm2 and opensc';

test(
  'S4-36, S4-38: a key in a token signs beside one in a file, and its PIN and its errors are its own',
  { skip: missing ?? false },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lapel-token-'));
    try {
      await signWithToken(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

async function signWithToken(folder: string): Promise<void> {
  const configuration = join(folder, 'softhsm2.conf');
  await mkdir(join(folder, 'tokens'));
  await writeFile(configuration, `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`);
  const options = {
    cwd: folder,
    env: { PATH: process.env['PATH'], SOFTHSM2_CONF: configuration },
    encoding: 'utf8',
    stdio: 'pipe',
  } as const;
  const run = (command: string, ...args: readonly string[]) => execFileSync(command, args, options);
  const lapelSays = (...args: readonly string[]) => run(process.execPath, lapel, ...args);
  const token = ['--module', module, '--login', '--pin', pin];

  run('softhsm2-util', '--init-token', '--free', '--label', 'lapel', '--pin', pin, '--so-pin', '5678');
  run('pkcs11-tool', ...token, '--keypairgen', '--key-type', 'EC:prime256v1', '--id', '01');
  run(
    'pkcs11-tool',
    '--module',
    module,
    '--read-object',
    '--type',
    'pubkey',
    '--id',
    '01',
    '-o',
    'token.der',
  );
  const der = await readFile(join(folder, 'token.der'));
  const pem = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({
    type: 'spki',
    format: 'pem',
  });
  await writeFile(join(folder, 'token.pub.pem'), pem);

  await writeFile(join(folder, 'lamp.bin'), 'a firmware image for a lamp\n');
  const description = 'sequence: 1\nvendor: lapel.example\nclass: lamp\ncomponent: main\nimage: lamp.bin\n';
  await writeFile(join(folder, 'lamp.yaml'), description);
  lapelSays('--quiet', 'keygen', 'author.pem');
  const digest = lapelSays('--quiet', 'create', 'lamp.yaml').trim();
  lapelSays('--quiet', 'sign', 'lamp.suit', '--key', 'author.pem');

  const signer = (id: string, ...more: readonly string[]) =>
    ['pkcs11-tool', ...token, '--sign', '--mechanism', 'ECDSA', '--id', id, ...more].join(' ');
  const withToken = ['--public', 'token.pub.pem', '--signer-takes', 'digest', '--signer'];
  // As r and s, and in DER.
  for (const format of ['rs', 'openssl']) {
    const file = `${format}.suit`;
    const args = [...withToken, signer('01', '--signature-format', format), '-o', file];
    assert.match(lapelSays('sign', 'lamp.suit', ...args), /^envelope +\S+, \d+ bytes, 2 signatures$/m);
    const required = ['--trust', 'author.pub.pem=file', 'token.pub.pem=token'];
    const told = lapelSays(
      'verify',
      file,
      ...required,
      '--require',
      '1:file',
      '--require',
      '1:token',
      '--json',
    );
    assert.equal((JSON.parse(told) as { readonly digest: string }).digest, digest);
  }
  // Devices come to trust it by an order that the token signs, too, to prove that it has the key.
  const order = [
    'trust',
    'add',
    'token.pub.pem',
    '--new-signer',
    signer('01'),
    '--new-signer-takes',
    'digest',
  ];
  const about = ['--vendor', 'lapel.example', '--class', 'lamp', '-o', 'order.suit'];
  lapelSays('--quiet', ...order, '--key', 'author.pem', ...about);
  assert.match(lapelSays('trust', 'show', 'order.suit'), /^trust +key [0-9a-f]{64} is trusted/m);
  // Another key, or none, signs nothing.
  for (const [args, message] of [
    [
      [...withToken.with(1, 'author.pub.pem'), signer('01')],
      /expected a signature of the key in author\.pub\.pem/,
    ],
    [[...withToken, signer('02')], /expected pkcs11-tool to sign, found that it ended with exit code 1/],
  ] as const) {
    await writeFile(join(folder, 'fresh.yaml'), description.replace('sequence: 1', 'sequence: 2'));
    lapelSays('--quiet', 'create', 'fresh.yaml');
    const result = spawnSync(process.execPath, [lapel, '--quiet', 'sign', 'fresh.suit', ...args], options);
    assert.equal(result.status, 1);
    assert.match(result.stderr, message);
  }
}
