/** Components of a manifest that another processor, or a later manifest, answers for (RFC 9019 §5). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { componentName } from '@lapel/suit';
import {
  at,
  component,
  forge,
  imageOf,
  lamp,
  mark,
  perform,
  process,
  recipient,
  refusal,
  set,
} from '../forge.ts';
import { match } from '../forge.ts';

const firmware = new TextEncoder().encode('the new firmware');
const two = [component(0), component(1)];
const install = [
  at(0),
  ...mark(7),
  at(1),
  set({ ...imageOf(firmware), content: firmware }),
  perform('directive-write'),
  match,
];
const half = (options = {}) => ({
  ...recipient(options),
  isAnothers: (each: Parameters<typeof componentName>[0]) => componentName(each) === '00',
});

test('S4-104: what is done to a component that another processor keeps is passed over', () => {
  const device = half();
  const { verified } = process(forge({ components: two, sections: { install } }), device);
  assert.deepEqual(device.trace, ['write 01']);
  assert.deepEqual(verified.map(componentName), ['01']);
});

test('S4-102: what is demanded of a component that a later manifest brought is passed over', () => {
  const validate = [at(0), set(imageOf(firmware)), match, at(1), set(imageOf(Uint8Array.of(1))), match];
  const envelope = forge({ components: two, sections: { validate } });
  const components = { '00': Uint8Array.of(9), '01': Uint8Array.of(1) };
  assert.deepEqual(process(envelope, half({ components }), 'invocation').verified.map(componentName), ['01']);
  const whole = recipient({ components });
  assert.throws(() => process(envelope, whole, 'invocation'), refusal('run', 'condition-failed'));
});

test('S4-33: whom a manifest is for is asked of every component, whoever answers for it', () => {
  const device = half({ class: lamp.map((byte) => byte ^ 1) });
  const envelope = forge({ components: two, sections: { install } });
  assert.throws(() => process(envelope, device), refusal('run', 'condition-failed', /class identifier/));
});
