/** The examples do what they say: each is run as its reader runs it. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const examples = join(import.meta.dirname, '../../../../examples');
const linesMax = 80;

/** What each must have said. */
const said: Readonly<Record<string, readonly RegExp[]>> = {
  'sign-and-inspect.ts': [
    /^ +image-digest \(3\) +sha-256 4a1839f2/m,
    /^sequence 2 is the author's$/m,
    /^changed by one bit, it is refused: expected/m,
  ],
  'two-roads.ts': [/^lamp over HTTP: confirmed$/m, /^lamp over CoAP: confirmed$/m],
  'gateway-between.ts': [/^cellar: confirmed$/m, /^3 lamps, 1 transfer from upstream; /m],
};

for (const [name, words] of Object.entries(said)) {
  test(`S2-19: the example ${name} does what it says, on one page`, { timeout: 60_000 }, async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(examples, name)]);
    assert.equal(stderr, '');
    for (const word of words) assert.match(stdout, word);
  });
}

test('S2-19: every example is short, begins with a sentence, is listed and is run', async () => {
  const names = (await readdir(examples)).filter((name) => name.endsWith('.ts'));
  const list = await readFile(join(examples, 'README.md'), 'utf8');
  for (const name of names) {
    const text = await readFile(join(examples, name), 'utf8');
    assert.ok(text.split('\n').length <= linesMax, name);
    assert.match(text, /^\/\*\* [^*\n]+\. \*\/\n/, name);
    assert.ok(list.includes(`](${name})`), name);
  }
  assert.deepEqual(new Set([...Object.keys(said), 'parts.ts']), new Set(names));
});
