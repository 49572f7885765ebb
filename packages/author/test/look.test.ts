/** Envelopes and reports told to people: byte by byte, against an older one, as the story of an update. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joined } from '@lapel/cose';
import type { Report, SuitRecord } from '@lapel/suit';
import { authenticate, digestOf, failureResult, linux, sections } from '@lapel/suit';
import type { AnnotatedLine, Change } from '@lapel/author';
import { annotate, diffEnvelopes, tellReport } from '@lapel/author';
import { framesOf, momentsMax, simulate, stepsInWords, traceOf } from '@lapel/author/simulate';
import {
  author,
  envelopeOf,
  fetch,
  image,
  install,
  match,
  named,
  perform,
  set,
  shared,
  situation,
} from './described.ts';
import { at, uri } from './described.ts';
import { exampleBytes, missing, vectorBytes } from './public-examples.ts';

const envelope = envelopeOf({ sections: { install, validate: [match] } });

const notations = (lines: readonly AnnotatedLine[]) => lines.map(({ notation }) => notation);

test('S0-30: annotated lines hold every byte of an envelope once, whatever is wrong with it', () => {
  const damaged = envelope.slice();
  for (let place = 0; place < damaged.length; place++) {
    damaged[place] = (damaged[place] ?? 0) ^ 0xe0;
    for (const bytes of [damaged, envelope.slice(0, place)]) {
      const lines = annotate(bytes);
      assert.deepEqual(joined(...lines.map((line) => line.bytes)), bytes);
      const starts = lines.filter((line) => line.bytes.length > 0);
      assert.ok(starts.every((line, index) => index === 0 || line.offset > (starts[index - 1]?.offset ?? 0)));
    }
    damaged[place] = (damaged[place] ?? 0) ^ 0xe0;
  }
});

test('S0-30: annotated lines name what stands there, opened down to the parameters', () => {
  const found = notations(annotate(envelope));
  for (const line of [
    '/ SUIT_Envelope / 107({',
    '/ authentication-wrapper / 2: <<',
    '/ block / <<',
    '/ COSE_Sign1 / 18([',
    '/ manifest / 3: <<',
    '/ shared-sequence / 4: <<',
    '/ directive-override-parameters / 20, {',
    '/ image-digest / 3: <<',
    `/ uri / 21: "${uri}"`,
    '/ condition-image-match / 3, 15',
  ]) {
    assert.ok(found.includes(line), line);
  }
  assert.ok(annotate(envelope).every(({ error }) => error === undefined));
  assert.equal(annotate(envelope.slice(0, -1)).at(-1)?.error, true);
});

test('S0-30: the public examples are annotated without a mistake', { skip: missing }, () => {
  for (const name of ['example0', 'example1', 'example2', 'example3', 'example4', 'example5']) {
    const lines = annotate(exampleBytes(`${name}-signed.suit`));
    assert.deepEqual(
      lines.filter(({ error }) => error),
      [],
      name,
    );
  }
  for (const name of ['aes-kw', 'es-ecdh-content']) {
    const lines = annotate(vectorBytes('firmware-encryption-24', `suit-manifest-${name}.suit`));
    assert.deepEqual(
      lines.filter(({ error }) => error),
      [],
      name,
    );
  }
});

const changeOf = (changes: readonly Change[], what: string) => changes.filter((each) => each.what === what);

test('S0-30: a difference tells components, digests, sizes, URIs and commands that change', () => {
  const other = new TextEncoder().encode('another image');
  const newer = envelopeOf({
    components: [named('main'), named('spare')],
    shared: [at(0), ...shared],
    sections: {
      install: [
        at(0),
        set({ uri: 'coap://lapel.example/other', imageSize: other.length }),
        fetch,
        match,
        match,
      ],
      invoke: [at(0), perform('directive-invoke')],
    },
  });
  const { changes, old, new: come } = diffEnvelopes(envelope, newer);
  assert.notEqual(old, come);
  assert.deepEqual(changeOf(changes, 'component'), [{ what: 'component', new: 'spare' }]);
  assert.deepEqual(changeOf(changes, 'URI'), [{ what: 'URI', old: uri, new: 'coap://lapel.example/other' }]);
  assert.deepEqual(changeOf(changes, 'image size'), [{ what: 'image size', new: '13 bytes' }]);
  assert.deepEqual(changeOf(changes, 'validate runs'), [
    { what: 'validate runs', old: 'condition-image-match' },
  ]);
  assert.deepEqual(changeOf(changes, 'install runs'), [
    { what: 'install runs', old: 'condition-image-match' },
    { what: 'install runs', new: 'directive-set-component-index' },
    { what: 'install runs', new: 'condition-image-match × 2' },
  ]);
  assert.deepEqual(diffEnvelopes(envelope, envelope).changes, []);
});

const authentic = authenticate(envelope, [{ key: author.public }], linux);
/** Of the image match, behind override-parameters and fetch. */
const matchAt = (): SuitRecord => {
  const here = situation({}, new TextEncoder().encode('not the image'));
  const frame = framesOf(simulate(envelope, here, 'update'), here, 'update').at(-1);
  const properties = { imageDigest: digestOf(authentic.digest) };
  return { manifestId: [], section: sections.install, offset: frame?.offset ?? 0, component: 0, properties };
};
const reportOf = (result: Report['result'], records: Report['records'] = []): Report => ({
  records,
  result,
  reference: ['', digestOf(authentic.digest)],
});

test('S0-30, S4-99: a report is told with the names of the commands that it speaks of', () => {
  const record = matchAt();
  const told = tellReport(reportOf(failureResult('condition-failed', record), [record]), authentic);
  assert.equal(told.succeeded, false);
  assert.equal(told.failed?.command, 'condition-image-match');
  assert.equal(told.failed?.component, 'main');
  const [recorded = '', ended = ''] = told.story;
  assert.match(
    recorded,
    /^condition-image-match on main \(install, byte \d+\) was recorded with image-digest/,
  );
  assert.match(
    ended,
    /^the update failed at condition-image-match on main \(install, byte \d+\): condition-f/,
  );
  const nameless = tellReport(reportOf(failureResult('condition-failed', record)), undefined);
  assert.match(nameless.story.join(), /^the update failed at a command on component 0 \(install, byte \d+\)/);
});

test('S0-30: a report of success, of a pending start and of a system is told as that', () => {
  assert.deepEqual(tellReport(reportOf(true), authentic).story, ['the update succeeded']);
  const pending = tellReport(reportOf(failureResult('invoke-pending', matchAt())), authentic);
  assert.deepEqual(pending.story, ['the image lies ready, and a restart will try it']);
  const claims = tellReport(
    reportOf(true, [{ systemComponent: named('main'), imageSize: image.length }]),
    authentic,
  );
  assert.deepEqual(claims.story, ['main was found with image-size 31 bytes', 'the update succeeded']);
  const whole = failureResult('unauthorised', {
    ...matchAt(),
    section: sections.install,
    offset: 0,
    properties: {},
  });
  assert.deepEqual(tellReport(reportOf(whole), authentic).story, [
    'the update failed in install: unauthorised',
  ]);
});

test('S0-31: a debugger sees each command with what is set for its component by then', () => {
  const here = situation();
  const frames = framesOf(simulate(envelope, here, 'update'), here, 'update');
  assert.deepEqual(
    frames.slice(0, 6).map(({ command, parameters, says }) => [command, parameters.length, says.length]),
    [
      ['directive-override-parameters', 0, 1],
      ['condition-vendor-identifier', 4, 1],
      ['condition-class-identifier', 4, 1],
      ['directive-override-parameters', 4, 1],
      ['directive-fetch', 5, 1],
      ['condition-image-match', 5, 1],
    ],
  );
  assert.equal(frames[4]?.parameters.find(({ name }) => name === 'uri')?.value, `"${uri}"`);
});

test('S0-31: a debugger follows what is copied, set once, set for several, and tried', () => {
  const own = (parameters: Parameters<typeof set>[0]) => set(parameters);
  const encoded = (parameters: Parameters<typeof set>[0]) => {
    const command = own(parameters);
    return 'parameters' in command ? command.parameters : new Uint8Array();
  };
  const tried = envelopeOf({
    components: [named('main'), named('spare')],
    shared: [at(0), ...shared],
    sections: {
      install: [
        {
          name: 'directive-override-multiple',
          byIndex: [
            [0, encoded({ uri: 'a' })],
            [1, encoded({ uri: 'b' })],
          ],
        },
        { name: 'directive-set-parameters', parameters: encoded({ uri: 'c', componentSlot: 1 }) },
        { name: 'directive-copy-params', from: [[0, [21]]] },
        perform('condition-abort'),
      ],
    },
  });
  const here = situation({ components: ['main', 'spare'] });
  const frames = framesOf(simulate(tried, here, 'update'), here, 'update');
  const last = frames.at(-1);
  assert.equal(last?.command, 'condition-abort');
  assert.deepEqual(last.says, ['fails, always']);
  assert.equal(last.component, 'spare');
  const values = Object.fromEntries(last.parameters.map(({ name, value }) => [name, value]));
  assert.deepEqual(values, { uri: '"a"', 'component-slot': '1' });
});

test('S0-31: of very many commands the first ones have a place, and the others none that is wrong', () => {
  const many = Array.from({ length: momentsMax }, () => perform('condition-vendor-identifier'));
  const long = envelopeOf({ sections: { install: [...many, ...install] } });
  const here = situation();
  const whole = simulate(long, here, 'update');
  assert.equal(whole.accepted, true);
  const steps = stepsInWords(whole, traceOf(whole, here, 'update'));
  assert.equal(steps[0]?.section, 'shared-sequence');
  assert.equal(steps[momentsMax - 3]?.section, 'install');
  assert.equal(steps.at(-1)?.section, undefined);
});
