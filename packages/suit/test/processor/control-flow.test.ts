/** draft-ietf-suit-manifest-37 §6.4, §6.5, §8.4.10: which command runs, for which component, how often. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command, Effect } from '@lapel/suit';
import { class1, componentName, linux } from '@lapel/suit';
import {
  at,
  attempt,
  compatible,
  component,
  fail,
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
  runSequence,
  set,
  tryEach,
} from '../forge.ts';

const firmware = new TextEncoder().encode('the new firmware');
const two = [component(0), component(1)];
const withFirmware = { payloads: new Map([['http://example.com/f', firmware]]) };
const uri = 'http://example.com/f';

test('X-79, §8.4.10.2: try-each runs its sequences in order until one succeeds', () => {
  assert.equal(outcome(tryEach([...mark(7)], [...mark(8)])), '7');
  assert.equal(outcome(tryEach([fail], [...mark(8)])), '8');
  assert.equal(outcome(tryEach([...mark(7), fail], [fail], [...mark(9)])), '9');
  assert.equal(outcome(tryEach([fail], [fail]), ...mark(9)), '1 2 3, condition-failed');
});

test('X-79, §8.4.10.2: nil at the end of try-each succeeds, and stands nowhere else', () => {
  assert.equal(outcome(tryEach([fail], [fail], null), ...mark(9)), '9');
  assert.equal(outcome(tryEach([...mark(7)], [fail], null)), '7');
  const early = tryEach([fail], null, [...mark(7)]);
  assert.throws(
    () => process(forge({ sections: { install: [early] } })),
    refusal('setup', 'cbor-parse', /nil/),
  );
  const single = tryEach([...mark(7)]);
  assert.throws(() => forge({ sections: { install: [single] } }), /expected 2 to 16 items, found 1/);
});

test('X-77, §8.4.8.15: soft failure is true at the start of each sequence of try-each', () => {
  assert.equal(
    outcome(tryEach([set({ softFailure: false }), fail], [...mark(8)])),
    '1 2 3, condition-failed',
  );
  assert.equal(outcome(tryEach([set({ softFailure: true }), fail], [...mark(8)])), '8');
  // The second sequence has not inherited what the first one set.
  const inner = tryEach([set({ softFailure: false }), fail], [...mark(8)]);
  assert.equal(outcome(tryEach([inner], [...mark(9)])), '9');
});

test('X-77, §8.4.8.15: soft failure is false at the start of run-sequence', () => {
  assert.equal(outcome(runSequence(fail), ...mark(9)), '1 2 3, condition-failed');
  assert.equal(outcome(runSequence(set({ softFailure: true }), fail, ...mark(7)), ...mark(9)), '9');
  assert.equal(outcome(runSequence(set({ softFailure: true }), ...mark(7), fail)), '7');
});

test('X-77, §8.4.8.15: soft failure ends with its sequence and is not inherited by a nested one', () => {
  const soft = set({ softFailure: true });
  assert.equal(outcome(runSequence(soft, runSequence(fail), ...mark(7)), ...mark(9)), '9');
  assert.equal(outcome(runSequence(runSequence(soft), fail), ...mark(9)), '1 2 3, condition-failed');
  assert.equal(outcome(runSequence(soft), fail, ...mark(9)), '1 2 3, condition-failed');
  assert.equal(outcome(tryEach([runSequence(fail)], [...mark(8)])), '8');
});

test('X-77, §8.4.8.15: soft failure set outside of try-each and run-sequence aborts', () => {
  for (const softFailure of [true, false]) {
    const { failure } = attempt(forge({ sections: { install: [set({ softFailure }), ...mark(9)] } }));
    assert.ok(refusal('run', 'parameter-unsupported')(failure?.error));
  }
});

test('X-68, §6.4: a directive that fails aborts, whatever the soft failure', () => {
  const soft = set({ softFailure: true });
  const missing = [set({ uri: 'http://example.com/nothing' }), fetch];
  assert.equal(outcome(tryEach([...missing], [...mark(8)])), '1 2 3, operation-failed');
  assert.equal(outcome(runSequence(soft, ...missing), ...mark(9)), '1 2 3, operation-failed');
  assert.equal(outcome(tryEach([set({ uri: '#nothing' }), fetch], [...mark(8)])), '1 2 3, operation-failed');
});

test('X-69, §6.5: a command runs once for each component of its index, in the order of the index', () => {
  for (const [index, expected] of [
    [0, 'write 00'],
    [1, 'write 01'],
    [true, 'write 00, write 01'],
    [[1, 0], 'write 01, write 00'],
    [[1], 'write 01'],
  ] as const) {
    const lampDevice = recipient();
    process(forge({ components: two, sections: { install: [at(index), ...mark(5)] } }), lampDevice);
    assert.equal(lampDevice.trace.join(', '), expected);
  }
});

test('X-69, §6.5: try-each and run-sequence run whole, one component after the other', () => {
  for (const wrap of [
    (...commands: Command[]) => runSequence(...commands),
    (...c: Command[]) => tryEach(c, [fail]),
  ]) {
    const lampDevice = recipient();
    const install = [at([1, 0]), wrap(...mark(5), ...mark(6)), ...mark(7)];
    process(forge({ components: two, sections: { install } }), lampDevice);
    const expected = ['write 01', 'write 01', 'write 00', 'write 00', 'write 01', 'write 00'];
    assert.deepEqual(lampDevice.trace, expected);
  }
});

test('X-69, §6.5: an index set in a nested sequence ends with it', () => {
  const lampDevice = recipient();
  const install = [at(0), runSequence(at(1), ...mark(5)), ...mark(6)];
  process(forge({ components: two, sections: { install } }), lampDevice);
  assert.deepEqual(lampDevice.trace, ['write 01', 'write 00']);
});

test('X-69: parameters belong to their component only', () => {
  const lampDevice = recipient();
  const install = [
    at(0),
    set({ content: Uint8Array.of(5) }),
    at(1),
    set({ content: Uint8Array.of(6) }),
    at(true),
    perform('directive-write'),
  ];
  process(forge({ components: two, sections: { install } }), lampDevice);
  assert.deepEqual([...lampDevice.components.values()], [Uint8Array.of(5), Uint8Array.of(6)]);
});

test('§8.4.10.1: an index beyond the components aborts, and the record names that command', () => {
  for (const index of [2, [0, 2]] as const) {
    const { failure } = attempt(forge({ components: two, sections: { install: [at(0), at(index)] } }));
    assert.ok(refusal('run', 'component-unsupported', /below 2, found 2/)(failure?.error));
    assert.equal(failure?.record.offset, 3);
  }
});

test('X-60, §6.1: parameters of one run are gone before the next', () => {
  const lampDevice = recipient(withFirmware);
  process(
    forge({ shared: [set(imageOf(firmware)), ...compatible], sections: { install: [set({ uri }), fetch] } }),
    lampDevice,
  );
  assert.throws(
    () => process(forge({ sections: { install: [fetch] } }), lampDevice),
    refusal('run', 'operation-failed', /parameter uri to be set, found none/),
  );
  assert.throws(
    () => process(forge({ sections: { validate: [match] } }), lampDevice),
    refusal('run', 'condition-failed', /image digest to be set, found none/),
  );
});

test('§5.3.2, §8.4.5: the shared sequence runs before each other sequence', () => {
  // Each section overrides the content that the shared sequence set; the next section finds it set anew.
  const shared = [set({ content: Uint8Array.of(5) }), ...compatible];
  const write = perform('directive-write');
  const section = [write, set({ content: Uint8Array.of(9) }), write];
  const seen: string[] = [];
  const lampDevice = recipient();
  const watching = {
    ...lampDevice,
    perform(effect: Effect) {
      if (effect.do === 'write') seen.push(effect.content.join());
      return lampDevice.perform(effect);
    },
  };
  process(
    forge({ shared, sections: { payloadFetch: section, install: section, validate: section } }),
    watching,
  );
  assert.deepEqual(seen, ['5', '9', '5', '9', '5', '9']);
});

test('§8.4.6: an update runs payload-fetch, install, validate; an invocation validate, load, invoke', () => {
  const sections = {
    payloadFetch: mark(1),
    install: mark(2),
    validate: [set(imageOf(Uint8Array.of(2))), match],
    load: mark(4),
    invoke: [perform('directive-invoke')],
  };
  const lampDevice = recipient();
  process(forge({ sections }), lampDevice);
  assert.deepEqual(lampDevice.trace, ['write 00', 'write 00']);
  process(forge({ sections }), lampDevice, 'invocation');
  assert.deepEqual(lampDevice.trace.slice(2), ['write 00', 'invoke 00']);
});

test('§6.3: a procedure for which the manifest has no sequence is no success', () => {
  for (const procedure of ['update', 'invocation'] as const) {
    assert.throws(
      () => process(forge({}), recipient(), procedure),
      refusal('run', 'operation-failed', /expected a sequence/),
    );
  }
  const install = forge({ sections: { install: mark(5) } });
  assert.throws(() => process(install, recipient(), 'invocation'), refusal('run', 'operation-failed'));
});

test('rule 8: nested sequences are bounded in depth', () => {
  const nestedIn = (depth: number): Command =>
    Array.from({ length: depth }).reduce<Command>((inner) => runSequence(inner), mark(5)[0]!);
  process(forge({ sections: { install: [nestedIn(linux.nestingDepth)] } }));
  assert.throws(
    () => process(forge({ sections: { install: [nestedIn(linux.nestingDepth + 1)] } })),
    refusal('run', 'operation-failed', /at most 8 nested sequences/),
  );
  assert.throws(
    () =>
      process(
        forge({ sections: { install: [nestedIn(class1.nestingDepth + 1)] } }),
        recipient({ limits: class1 }),
      ),
    refusal('run', 'operation-failed', /at most 4 nested sequences/),
  );
});

test('rule 8: loops over components in loops over components end at the limit of commands', () => {
  const components = Array.from({ length: linux.components }, (_, index) => component(index));
  const names = Object.fromEntries(components.map((each) => [componentName(each), new Uint8Array()]));
  let loop: readonly Command[] = [at(true), set({ componentSlot: 0 })];
  for (let depth = 0; depth < linux.nestingDepth; depth++) loop = [at(true), runSequence(...loop)];
  let effects = 0;
  const lampDevice = recipient({ components: names });
  const counting = { ...lampDevice, perform: (effect: Effect) => (effects++, lampDevice.perform(effect)) };
  assert.throws(
    () => process(forge({ components, sections: { install: loop } }), counting),
    refusal('run', 'operation-failed', /expected at most 4096 commands, found more/),
  );
  assert.ok(effects <= linux.commands);
});

test('rule 8: a long nested sequence that runs a thousand times is read once', () => {
  const components = Array.from({ length: linux.components }, (_, index) => component(index));
  const names = Object.fromEntries(components.map((each) => [componentName(each), new Uint8Array()]));
  // Read at each of its runs, these would be 250 million commands.
  const long = Array.from({ length: 250_000 }, () => fail);
  const install = [at(true), runSequence(at(true), tryEach(long, [fail], null))];
  const lampDevice = recipient({ components: names, limits: { ...linux, envelopeBytes: 1 << 20 } });
  assert.equal(process(forge({ components, sections: { install } }), lampDevice).failure, undefined);
});
