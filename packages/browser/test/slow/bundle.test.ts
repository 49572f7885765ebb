/** What is made for browsers, run here: the same modules, over the other crypto provider. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Page from '@lapel/browser';
import * as withNode from '@lapel/browser';
import { bundle } from '../../../../tools/browser-page.ts';
import { house } from '../../../../tools/house.ts';
import type { Vector } from '../vectors.ts';
import { attemptOn, derivedVectors, missing } from '../vectors.ts';

const folder = mkdtempSync(join(tmpdir(), 'lapel-browser-'));
after(() => rmSync(folder, { recursive: true }));

const script = await bundle(join(house, 'packages/browser/src/attempt.ts'));
const path = join(folder, 'attempt.mjs');
writeFileSync(path, script);
const bundled = (await import(pathToFileURL(path).href)) as typeof Page;

test('S0-31: nothing that only Node has is in what a browser gets', () => {
  assert.doesNotMatch(script, /\bnode:[a-z]/);
  assert.doesNotMatch(script, /\b(Buffer|process)\.\w/);
  assert.match(script, /getRandomValues|crypto\.subtle|zip215|invalid plaintext length/);
});

test('S0-31: where a module of Node is left, nothing is made, and who wants it is named', async () => {
  const entry = join(folder, 'entry.mjs');
  const images = join(house, 'packages/author/src/images.ts');
  writeFileSync(entry, `export { fileImages } from ${JSON.stringify(images)};\n`);
  await assert.rejects(bundle(entry), /found node:.*wanted by packages\/author\/src\/images\.ts/);
  writeFileSync(entry, 'export const home = () => process.env.HOME;\n');
  await assert.rejects(bundle(entry), /nothing that only Node has, found '.*process\.env/);
});

test('S0-31: the derived vectors are here', { skip: missing }, () => assert.ok(derivedVectors.length > 0));

for (const vector of derivedVectors) {
  test(`S0-31: ${vector.file} is judged in a browser's modules as in Node's, and as its index has it`, () => {
    for (const procedure of ['update', 'invocation'] as const) {
      const attempt = attemptOn(vector, procedure);
      const found = bundled.tryEnvelope(attempt);
      assert.deepEqual(found, withNode.tryEnvelope(attempt));
      const expected = expectedOf(vector, procedure);
      if (expected === undefined) continue;
      const { verdict, stage } = found;
      assert.deepEqual({ verdict, stage }, expected);
    }
  });
}

/** An accepted one has come through all stages; what is left to a Recipient's choice, it refuses here. */
function expectedOf({ expect, stage }: Vector, procedure: 'update' | 'invocation') {
  if (expect === 'accept-for-boot') {
    return procedure === 'update' ? undefined : { verdict: 'accept', stage: 'run' };
  }
  if ((stage === 'boot') !== (procedure === 'invocation')) return undefined;
  const verdict = expect === 'accept' ? 'accept' : 'reject';
  return { verdict, stage: expect === 'accept' || stage === 'boot' ? 'run' : stage };
}

/** Every file of the room that holds public vectors of COSE against the crypto provider. */
for (const file of ['public-examples', 'wycheproof', 'encrypt-vectors', 'ml-dsa', 'hss-lms']) {
  test(`S0-31: cose/test/${file}.test.ts passes with the provider of browsers`, { skip: missing }, () => {
    const hooks = join(folder, 'hooks.mjs');
    const provider = pathToFileURL(join(house, 'packages/browser/src/crypto.ts')).href;
    writeFileSync(
      hooks,
      `import { registerHooks } from 'node:module';
       const url = ${JSON.stringify(provider)};
       registerHooks({ resolve(specifier, context, next) {
         const found = next(specifier, context);
         return found.url.endsWith('/cose/src/crypto.ts') ? { ...found, url } : found;
       } });`,
    );
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--import',
        pathToFileURL(hooks).href,
        '--test-reporter=tap',
        join('packages/cose/test', `${file}.test.ts`),
      ],
      { cwd: house, encoding: 'utf8', env },
    );
    assert.equal(status, 0, `${stdout.slice(-4000)}${stderr}`);
    assert.match(stdout, /^# pass [1-9]/m);
    assert.match(stdout, /^# skipped 0/m);
  });
}
