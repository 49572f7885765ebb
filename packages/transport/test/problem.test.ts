import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Response } from '@lapel/transport';
import { Problem, bytesBody, collect, emptyBody, problemResponse, readProblem } from '@lapel/transport';
import { text, utf8 } from './bodies.ts';

test('RFC 9457 §3: a problem is a document of type, title and detail, and our code', async () => {
  const response = problemResponse(new Problem('sequence-not-higher', 'expected more than 7, found 7'));
  assert.equal(response.status, 'conflict');
  assert.equal(response.contentType, 'application/problem+json');
  assert.deepEqual(JSON.parse(text(await collect(response.body, 1000))), {
    type: 'about:blank',
    title: 'Conflict',
    detail: 'expected more than 7, found 7',
    code: 'sequence-not-higher',
  });
});

test('§8: the cause of a problem is for our log and never travels', async () => {
  const response = problemResponse(new Problem('internal', 'failed', { cause: new Error('secret') }));
  assert.doesNotMatch(text(await collect(response.body, 1000)), /secret/);
});

test('a client reads back the problem that the server threw', async () => {
  for (const code of ['already-published', 'storage-full', 'unprocessable', 'internal'] as const) {
    const read = await readProblem(problemResponse(new Problem(code, `expected one thing, found ${code}`)));
    assert.equal(read.code, code);
    assert.equal(read.detail, `expected one thing, found ${code}`);
  }
});

test('a client makes a problem of any failed answer, whatever its body is', async () => {
  const answers: readonly [Response, string][] = [
    [{ status: 'forbidden', body: emptyBody }, 'forbidden'],
    [{ status: 'gone', body: emptyBody }, 'not-found'],
    [{ status: 'conflict', contentType: 'text/html', body: bytesBody(utf8('<h1>no')) }, 'conflict'],
    [
      { status: 'unavailable', contentType: 'application/problem+json', body: bytesBody(utf8('{"de')) },
      'unavailable',
    ],
    [
      { status: 'internal-error', contentType: 'application/problem+json', body: bytesBody(utf8('[1]')) },
      'internal',
    ],
    [{ status: 'too-large', body: bytesBody(new Uint8Array(100_000)) }, 'too-large'],
  ];
  for (const [response, code] of answers) {
    const problem = await readProblem(response);
    assert.equal(problem.code, code);
    assert.match(problem.detail, /without detail/);
  }
});

test('a code that is not on the closed list counts as the general one of its status', async () => {
  const document = { detail: 'expected a, found b', code: 'toString' };
  const response: Response = {
    status: 'conflict',
    contentType: 'application/problem+json; charset=utf-8',
    body: bytesBody(utf8(JSON.stringify(document))),
  };
  const problem = await readProblem(response);
  assert.equal(problem.code, 'conflict');
  assert.equal(problem.detail, 'expected a, found b');
});

test('a foreign detail cannot steer the terminal that it is printed on, nor flood it', async () => {
  const document = { detail: `\u001b[2Jgone\r\n${'x'.repeat(10_000)}`, code: 'conflict' };
  const problem = await readProblem({
    status: 'conflict',
    contentType: 'application/problem+json',
    body: bytesBody(utf8(JSON.stringify(document))),
  });
  assert.doesNotMatch(problem.detail, /\p{Cc}/u);
  assert.ok(problem.detail.length <= 2000);
});
