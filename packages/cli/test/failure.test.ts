import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageError } from '@lapel/author';
import { SuitError } from '@lapel/suit';
import { Problem, TransportError } from '@lapel/transport';
import { CommandFailure, exitCodes, failureOf } from 'lapel';

const system = (code: string, path: string) => Object.assign(new Error(`${code}: …`), { code, path });

const endings: readonly (readonly [error: unknown, exitCode: number, message: RegExp])[] = [
  [
    new SuitError('auth', 'unauthorised', 'm'),
    exitCodes.refused,
    /^refused at stage auth, reason unauthorised: m$/,
  ],
  [new ImageError('expected the image a, found no such file'), exitCodes.failed, /^expected the image a/],
  [new Problem('already-published', 'd'), exitCodes.conflict, /^the server refused, already-published: d$/],
  [new Problem('sequence-not-higher', 'd'), exitCodes.conflict, /sequence-not-higher/],
  [new Problem('unauthorized', 'd'), exitCodes.denied, /unauthorized/],
  [new Problem('not-found', 'd'), exitCodes.absent, /not-found/],
  [new Problem('unprocessable', 'd'), exitCodes.refused, /unprocessable/],
  [new Problem('storage-full', 'd'), exitCodes.failed, /storage-full/],
  [new TransportError('unreachable', 'm'), exitCodes.network, /unreachable: m\n {2}is the server running\?/],
  [new CommandFailure(exitCodes.usage, 'expected a, found b'), exitCodes.usage, /^expected a, found b$/],
  [system('ENOENT', 'a.pem'), exitCodes.failed, /^expected a\.pem to exist, found no such file or folder$/],
  [system('EEXIST', 'a.pem'), exitCodes.conflict, /^expected a\.pem not to exist yet, found it there$/],
  [system('ENOSPC', 'a.suit'), exitCodes.failed, /^expected a\.suit to fit on the disk, found it full$/],
];

for (const [error, exitCode, message] of endings) {
  const name = error instanceof Error ? `${error.name} (${error.message})` : 'unknown';
  test(`design §8: a user's mistake shows no stack and ends with ${exitCode}: ${name}`, () => {
    const failure = failureOf(error);
    assert.equal(failure.exitCode, exitCode);
    assert.match(failure.message, message);
    assert.doesNotMatch(failure.message, /\n\s+at /);
  });
}

test('design §8: what nobody foresaw is a bug: it shows its stack and ends with 70', () => {
  for (const bug of [new TypeError('x is not a function'), 'a text', system('EWHATEVER', 'x')]) {
    assert.equal(failureOf(bug).exitCode, exitCodes.bug);
    assert.match(failureOf(bug).message, /^this is a bug in Lapel; please report it/);
  }
  assert.match(failureOf(new TypeError('x')).message, /\n\s+at /);
});
