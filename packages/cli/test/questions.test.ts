/** A person at a terminal, who answers, mistypes, and leaves. */

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { atTerminal } from '../src/questions.ts';
import type { Question } from '../src/questions.ts';

/** What the person sees, and what becomes of each question, with these keys pressed. */
async function asked(keys: string, ...questions: readonly Question[]) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const seen = text(output);
  let interrupted = 0;
  const person = atTerminal({ input, output }, () => (interrupted += 1));
  input.write(keys);
  const answers: string[] = [];
  for (const question of questions) {
    answers.push(await person.ask(question).catch((error: Error) => error.message));
  }
  person.leave();
  output.end();
  return { answers, interrupted, seen: await seen };
}

test('S0-30: what is usual is an empty answer, and where nothing is, one is asked for again', async () => {
  const usual = await asked('\r', { asks: 'The component', usual: 'main' });
  assert.deepEqual(usual.answers, ['main']);
  const needed = await asked('\r  lamp \r', { asks: 'The kind' });
  assert.deepEqual(needed.answers, ['lamp']);
  assert.match(needed.seen, /expected an answer, found none/);
});

test('S0-30: an answer that cannot be is told why, and asked for again', async () => {
  const refusal = (answer: string) => (answer === 'two' ? undefined : `expected two, found ${answer}`);
  const { answers, seen } = await asked('one\rtwo\r', { asks: 'How many', before: 'Count.\n', refusal });
  assert.deepEqual(answers, ['two']);
  assert.match(seen, /expected two, found one/);
  assert.equal(seen.split('Count.').length, 2);
  const never = await asked('a\rb\rc\rd\re\rf\r', { asks: 'How many', refusal });
  assert.deepEqual(never.answers, ['expected an answer in 5 attempts, found none']);
  const long = await asked(`${'x'.repeat(5000)}\rtwo\r`, { asks: 'How many', refusal });
  assert.match(long.seen, /expected at most 4096 characters, found 5000/);
});

test('S0-30: Ctrl-C stops the command, Ctrl-D ends the answers, and neither writes anything', async () => {
  const stopped = await asked('\u0003', { asks: 'The kind' });
  assert.equal(stopped.interrupted, 1);
  const left = await asked('\u0004', { asks: 'The kind' });
  assert.equal(left.interrupted, 0);
  for (const { answers } of [stopped, left]) {
    assert.deepEqual(answers, ['expected an answer, found the end of them; nothing was written']);
  }
});
