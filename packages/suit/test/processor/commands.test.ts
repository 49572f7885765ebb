/** draft-ietf-suit-manifest-37 §6.4, §8.4.8 to §8.4.11: what each command does, and when it fails. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Float, encode } from '@lapel/cbor';
import type { Command, Effect } from '@lapel/suit';
import { componentName, linux } from '@lapel/suit';
import {
  at,
  compatible,
  component,
  copy,
  fetch,
  forge,
  imageOf,
  mark,
  match,
  outcome,
  perform,
  process,
  recipient,
  refusal,
  set,
  tryEach,
} from '../forge.ts';

const firmware = new TextEncoder().encode('the new firmware');
const other = new TextEncoder().encode('some other bytes');
const two = [component(0), component(1)];
const withFirmware = { payloads: new Map([['http://example.com/f', firmware]]) };
const uri = 'http://example.com/f';

test('X-68, §6.4: conditions have no effect on the world', () => {
  const lampDevice = recipient();
  const conditions = [
    'image-match',
    'component-slot',
    'check-content',
    'device-identifier',
    'abort',
  ] as const;
  const sequences = conditions.map((name) => [
    set({ ...imageOf(other), componentSlot: 3, content: other, deviceIdentifier: new Uint8Array(16) }),
    perform(`condition-${name}`),
  ]);
  process(forge({ sections: { install: [tryEach(...sequences, null)] } }), lampDevice);
  assert.deepEqual(lampDevice.trace, []);
});

test('X-78, §8.4.9: a condition whose parameter is not set fails', () => {
  const names = [
    'vendor-identifier',
    'class-identifier',
    'device-identifier',
    'image-match',
    'component-slot',
    'check-content',
  ] as const;
  for (const name of names) {
    const command = perform(`condition-${name}`);
    const shared = [tryEach([...compatible], null)];
    const forged = (install: readonly Command[]) => forge({ shared, sections: { install } });
    const stranger = recipient({ vendor: new Uint8Array(), class: new Uint8Array() });
    if (!['vendor-identifier', 'class-identifier'].includes(name)) {
      assert.throws(
        () => process(forged([command])),
        refusal('run', 'condition-failed', /to be set, found none/),
      );
    }
    process(forged([tryEach([command], null)]), stranger);
  }
});

test('X-78, §6.4: a directive whose parameter is not set aborts', () => {
  for (const name of ['write', 'fetch', 'copy', 'swap'] as const) {
    const install = [tryEach([perform(`directive-${name}`)], null)];
    assert.throws(
      () => process(forge({ sections: { install } })),
      refusal('run', 'operation-failed', /to be set, found none/),
    );
  }
});

test('§8.4.6: an unknown command aborts where it runs, and does nothing where it is not reached', () => {
  for (const code of [0, 9, 10, 13, 36, 42, 255, -1, -256]) {
    const unknown: Command = { name: 'unknown', code, argument: 15 };
    assert.equal(outcome(unknown, ...mark(9)), '1 2 3, command-unsupported', String(code));
    assert.equal(outcome(tryEach([unknown], [...mark(8)])), '1 2 3, command-unsupported');
    assert.equal(outcome(tryEach([...mark(7)], [unknown])), '7');
  }
});

test('X-81, §8.4.11: a custom command is one below -256, and unsupported here', () => {
  for (const argument of [null, 0, -5, 'text', new Uint8Array(3)]) {
    const custom: Command = { name: 'custom', code: -257, argument };
    assert.equal(outcome(custom, ...mark(9)), '1 2 3, command-unsupported');
  }
});

test('§8.4.8: an unknown parameter aborts the command that sets it', () => {
  for (const key of [0, 6, 31, 99, -1]) {
    const unknown: Command = {
      name: 'directive-override-parameters',
      parameters: encode(new Map([[key, 1]])),
    };
    assert.equal(outcome(unknown), '1 2 3, parameter-unsupported', String(key));
    assert.equal(outcome(tryEach([...mark(7)], [unknown])), '7');
  }
  const malformed: Command = {
    name: 'directive-override-parameters',
    parameters: encode(new Map([[14, new Float(1)]])),
  };
  assert.equal(outcome(malformed), '1 2 3, cbor-parse');
});

test('X-78, §8.4.9.3: check-content compares as many bytes as it was given', () => {
  const check = (content: Uint8Array) => [set({ content }), perform('condition-check-content')];
  const holds = (...content: readonly number[]) => outcome(...check(Uint8Array.from(content)));
  assert.equal(holds(1, 2, 3), '1 2 3');
  for (const content of [[], [1], [1, 2], [1, 2, 4], [0, 2, 3], [1, 2, 3, 4]]) {
    assert.equal(holds(...content), '1 2 3, condition-failed', content.join(' '));
  }
  const long = new Uint8Array(linux.contentBytes + 1);
  const lampDevice = recipient({ components: { '00': long } });
  assert.throws(
    () => process(forge({ sections: { install: check(long) } }), lampDevice),
    refusal('run', 'condition-failed', /content of at most 4096 bytes/),
  );
});

test('X-80, §8.4.10.5: copy and swap fail without a source', () => {
  for (const name of ['copy', 'swap'] as const) {
    const from = (sourceComponent: number) =>
      forge({
        components: two,
        sections: { install: [at(0), set({ sourceComponent }), perform(`directive-${name}`)] },
      });
    assert.throws(() => process(from(1)), refusal('run', 'operation-failed', /expected a source in 01/));
    assert.throws(
      () => process(from(2)),
      refusal('run', 'operation-failed', /expected a source below 2, found 2/),
    );
    const lampDevice = recipient({ components: { '00': Uint8Array.of(1), '01': firmware } });
    process(from(1), lampDevice);
    assert.deepEqual(lampDevice.components.get('00'), firmware);
    assert.deepEqual(lampDevice.components.get('01'), name === 'copy' ? firmware : Uint8Array.of(1));
  }
});

test('§8.4.9.4: component-slot tells the slots of a component apart', () => {
  const install = [0, 1].map((componentSlot) => [
    set({ componentSlot }),
    perform('condition-component-slot'),
    ...mark(componentSlot + 5),
  ]);
  for (const slot of [0, 1]) {
    const lampDevice = recipient({ slot });
    process(forge({ sections: { install: [tryEach(...install)] } }), lampDevice);
    assert.deepEqual(lampDevice.components.get('00'), Uint8Array.of(slot + 5));
  }
  assert.throws(
    () => process(forge({ sections: { install: [tryEach(...install)] } }), recipient({ slot: 2 })),
    refusal('run', 'condition-failed', /expected slot 1, found another/),
  );
});

test('§6.4: fetch, image-match and validate install an image; a wrong one or none is refused', () => {
  const sections = { install: [set({ uri }), fetch, match], validate: [match] };
  const shared = [set(imageOf(firmware)), ...compatible];
  const envelope = forge({ shared, sections });
  const lampDevice = recipient(withFirmware);
  const ending = process(envelope, lampDevice);
  assert.deepEqual(lampDevice.components.get('00'), firmware);
  assert.deepEqual(ending.verified?.map(componentName), ['00']);
  const wrong = recipient({ payloads: new Map([[uri, other]]) });
  assert.throws(
    () => process(envelope, wrong),
    refusal('run', 'condition-failed', /expected an image with sha-256/),
  );
  assert.throws(() => process(envelope, recipient()), refusal('run', 'operation-failed'));
});

test('design goal 1, §6.3: what changed after its image match is not called verified', () => {
  const ends = (...install: readonly Command[]) => {
    const shared = [at(true), set(imageOf(firmware)), ...compatible];
    const both = recipient({ ...withFirmware, components: { '00': firmware, '01': firmware } });
    const ending = process(forge({ components: two, shared, sections: { install } }), both);
    return ending.verified?.map(componentName).join(' ');
  };
  assert.equal(ends(at(true), match), '00 01');
  assert.equal(ends(at(true), match, at(0), set({ uri }), fetch), '01');
  assert.equal(ends(at(0), set({ uri }), fetch), '');
  assert.equal(ends(at(true), match, at(0), ...mark(5)), '01');
  assert.equal(ends(at(true), match, at(0), set({ sourceComponent: 1 }), copy), '01');
  assert.equal(ends(at(true), match, at(0), set({ sourceComponent: 1 }), perform('directive-swap')), '');
  assert.equal(ends(at(true), match, at(0), set({ sourceComponent: 1 }), copy, match), '01 00');
});

test('§8.4.10.7: invoke hands its arguments on', () => {
  const seen: unknown[] = [];
  const lampDevice = recipient();
  const watching = {
    ...lampDevice,
    perform: (effect: Effect) => (seen.push(effect), lampDevice.perform(effect)),
  };
  const invoke = [set({ invokeArguments: Uint8Array.of(4, 2) }), perform('directive-invoke')];
  process(forge({ sections: { invoke } }), watching, 'invocation');
  assert.deepEqual(seen.at(-1), { do: 'invoke', component: component(0), arguments: Uint8Array.of(4, 2) });
});

test('an error of the world that is no SuitError passes through', () => {
  class Unplugged extends Error {}
  const lampDevice = {
    ...recipient(),
    perform: () => {
      throw new Unplugged();
    },
  };
  assert.throws(() => process(forge({ sections: { install: mark(5) } }), lampDevice), Unplugged);
});
