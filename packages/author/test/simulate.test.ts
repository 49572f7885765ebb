/** A manifest tried on a device that is described: what it does there, and what power cuts leave of it. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Procedure } from '@lapel/suit';
import { linux } from '@lapel/suit';
import {
  MemberError,
  componentsInWords,
  cutPower,
  readDevice,
  readState,
  readTrustAnchor,
  simulate,
  stepsInWords,
  traceOf,
  usualComponents,
} from '@lapel/author/simulate';
import {
  at,
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
import { uri } from './described.ts';
import { missing, vectorBytes, vectorFolder } from './public-examples.ts';

interface Vector {
  readonly file: string;
  readonly expect: 'accept' | 'accept-for-boot' | 'reject' | 'policy';
  readonly stage: string;
  readonly device?: object;
  readonly payloads?: Readonly<Record<string, string>>;
}
const origin = 'derived-37';
interface Index {
  readonly keys: Readonly<Record<string, string>>;
  readonly device: object;
  readonly vectors: readonly Vector[];
}
const index: Index | undefined =
  missing === false
    ? (JSON.parse(readFileSync(join(vectorFolder(origin), 'index.json'), 'utf8')) as Index)
    : undefined;
const vectors: readonly Vector[] = index?.vectors ?? [];

test('S0-31: the derived vectors are here', { skip: missing }, () => assert.ok(vectors.length > 0));

for (const vector of vectors) {
  test(`S0-31, X-19: simulate judges ${vector.file} as its index does`, () => {
    const update = judged(vector, 'update');
    if (vector.expect === 'accept-for-boot') {
      assert.equal(update.verdict, 'reject');
      assert.equal(judged(vector, 'invocation').verdict, 'accept');
      return;
    }
    const { verdict, stage } = vector.stage === 'boot' ? judged(vector, 'invocation') : update;
    // What is left to a Recipient's choice, it refuses here.
    const expected = vector.expect === 'accept' ? 'accept' : 'reject';
    assert.deepEqual({ verdict, stage }, { verdict: expected, stage: stageOf(vector) });
  });
}

/** An accepted one has come through all stages; to invoke is to run, too. */
const stageOf = ({ expect, stage }: Vector) => (expect === 'accept' || stage === 'boot' ? 'run' : stage);

function judged(vector: Vector, procedure: Procedure) {
  const boots = procedure === 'invocation' ? { components: { '00': 'fw.bin' } } : {};
  const device = readDevice({ ...index?.device, ...boots, ...vector.device }, 'device');
  const components = new Map([...usualComponents, ...(device.components ?? [])]);
  const { accepted, stage } = simulate(
    vectorBytes(origin, vector.file),
    {
      device: { ...device, components },
      state: readState(components, (name) => vectorBytes(origin, name)),
      anchors: [
        readTrustAnchor(readFileSync(join(vectorFolder('manifest-spec-37'), 'private_key.b64'), 'utf8')),
        readTrustAnchor(index?.keys['hmac_hex'] ?? ''),
      ],
      limits: { ...linux, components: components.size },
      now: 0,
      serve: (where) => {
        const file = vector.payloads?.[where];
        return file === undefined ? undefined : vectorBytes(origin, file);
      },
    },
    procedure,
  );
  return { verdict: accepted ? 'accept' : 'reject', stage };
}

test('S0-31: each step is told with its place, what was fetched, written and erased', () => {
  const here = situation();
  const envelope = envelopeOf({ sections: { install, validate: [match] } });
  const whole = simulate(envelope, here, 'update');
  assert.equal(whole.accepted, true);
  const steps = stepsInWords(whole, traceOf(whole, here, 'update'));
  assert.deepEqual(
    steps.map(({ section, command }) => `${section} ${command}`),
    [
      'shared-sequence condition-vendor-identifier',
      'shared-sequence condition-class-identifier',
      'install directive-fetch',
      'install condition-image-match',
      'shared-sequence condition-vendor-identifier',
      'shared-sequence condition-class-identifier',
      'validate condition-image-match',
    ],
  );
  const { says, uri: from, bytes, erasedBytes } = steps[2]!;
  assert.equal(says, `fetches ${uri} into main: 31 bytes, erasing 9 bytes`);
  assert.deepEqual({ from, bytes, erasedBytes }, { from: uri, bytes: 31, erasedBytes: 9 });
  assert.deepEqual(componentsInWords(whole), [
    {
      component: 'main',
      before: { bytes: 9, digest: sum(new TextEncoder().encode('old image')) },
      after: { bytes: 31, digest: sum(image) },
      changed: true,
    },
  ]);
});

const sum = (content: Uint8Array) => hex(digest('sha-256', content));

test('S0-31: a step that fails is told with its reason, and what it leaves', () => {
  const here = { ...situation(), serve: () => undefined };
  const whole = simulate(envelopeOf({ sections: { install } }), here, 'update');
  assert.deepEqual(
    [whole.accepted, whole.stage, whole.reason, whole.detail],
    [false, 'run', 'operation-failed', `expected a payload at ${uri}, found none`],
  );
  const last = stepsInWords(whole).at(-1)!;
  assert.equal(last.ok, false);
  assert.match(last.says, /^fetches .* into main: expected a payload at .*, found none$/);
  assert.equal(componentsInWords(whole)[0]?.changed, false);
});

test('S0-31: a component may be described by its digest and size, and be moved and invoked as that', () => {
  const holds = { main: { digest: sum(image), size: image.length }, spare: null };
  const components = [named('main'), named('spare')];
  const moving = [at(0), ...shared];
  const swap = [at(1), set({ sourceComponent: 0 }), perform('directive-swap')];
  const envelope = envelopeOf({ components, shared: moving, sections: { install: swap } });
  const whole = simulate(envelope, situation({ components: holds }), 'update');
  assert.equal(whole.detail, '');
  assert.deepEqual(
    componentsInWords(whole).map(({ after }) => after),
    [{ bytes: 0 }, { bytes: image.length, digest: sum(image) }],
  );
  const boot = envelopeOf({ sections: { validate: [match], invoke: [perform('directive-invoke')] } });
  const own = (size: number) => situation({ components: { main: { digest: sum(image), size } } });
  assert.equal(simulate(boot, own(image.length), 'invocation').accepted, true);
  assert.equal(simulate(boot, own(30), 'invocation').reason, 'condition-failed');
});

test('S0-31: what is said of a component alone goes before what is said of the device', () => {
  const components = { main: { file: 'old', sequence: 3 } };
  const { stage, detail } = simulate(
    envelopeOf({ sections: { install } }),
    situation({ components }),
    'update',
  );
  assert.deepEqual([stage, detail], ['setup', 'expected sequence number 3 or higher, found 2']);
  const slotted = envelopeOf({
    sections: { install: [set({ componentSlot: 1 }), perform('condition-component-slot'), ...install] },
  });
  const inSlot = (slot: number) => situation({ slot: 1, components: { main: { slot } } });
  assert.equal(simulate(slotted, inSlot(1), 'update').accepted, true);
  assert.equal(simulate(slotted, inSlot(0), 'update').reason, 'condition-failed');
});

test('S0-31: after a cut at any step an image that is verified ends as the new one', () => {
  const { whole, cuts } = cutPower(
    envelopeOf({ sections: { install, validate: [match] } }),
    situation(),
    'update',
  );
  assert.equal(cuts.length, whole.steps.length + 2);
  assert.deepEqual(
    cuts.map(({ when, left, ends }) => `${when} ${left} ${ends}`),
    [
      ...['before old new', 'before old new', 'before old new', 'amid between new'],
      ...['before new new', 'before new new', 'before new new', 'before new new', 'before new new'],
    ],
  );
});

test('S0-31: a manifest that wants the old image still there, and writes over it, is found out', () => {
  const old = new TextEncoder().encode('old image');
  const isOld = [set({ content: old }), perform('condition-check-content')];
  const { whole, cuts } = cutPower(
    envelopeOf({ sections: { install: [...isOld, ...install] } }),
    situation(),
    'update',
  );
  assert.equal(whole.accepted, true);
  const stranded = cuts.filter(({ ends }) => ends === 'neither');
  assert.deepEqual(
    stranded.map(({ step, when }) => `${when} ${step}`),
    ['amid 4', 'before 5', 'before 6'],
  );
  assert.match(
    stranded[0]!.detail,
    /^run, condition-failed: install \(20\): expected the 9 bytes of content/,
  );
});

test('S0-31: an update that a device refuses leaves the old image, wherever the power goes', () => {
  const { cuts } = cutPower(
    envelopeOf({ sections: { install: [perform('condition-abort'), fetch] } }),
    situation(),
    'update',
  );
  assert.ok(cuts.length > 0);
  assert.ok(cuts.every(({ left, ends }) => left === 'old' && ends === 'old'));
});

test('S0-31: a description is read as what it is, or refused with the place', () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [[], /expected an object in device, found \[\]/],
    [{ colour: 'red' }, /expected a known property in device, found "colour"/],
    [{ class: 'lamp' }, /expected bytes in hex in device\.class/],
    [{ components: { main: { colour: 1 } } }, /expected a known property .*found "colour"/],
    [{ components: { main: 7 } }, /expected an object in device\.components\.main, found 7/],
    [
      { components: Array.from({ length: 1025 }, (_, each) => `${each}`) },
      /expected at most 1024 components/,
    ],
    [{ sequence: 1.5 }, /expected an integer in device\.sequence/],
  ];
  for (const [value, message] of wrong) {
    assert.throws(
      () => readDevice(value, 'device'),
      (error) => error instanceof MemberError && message.test(error.message),
    );
  }
});

test('X-76: a device may be described by the names that its identifiers are made of', () => {
  const described = readDevice({ class: 'suit', vendor: 'arm.com' }, 'device');
  assert.equal(hex(described.vendor!), 'fa6b4a53d5ad5fdfbe9de663e4d41ffe');
  assert.equal(hex(described.class!), '1492af1425695e48bf429b2d51f2ab45');
});
