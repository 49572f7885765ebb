/** Strategies as operators write them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { readStrategies } from '../src/serve/strategy-file.ts';

const whole = `
urgency:
  priorities: { critical: 5 }
  rules:
    - { kind: settings, urgency: low }
    - { text: billing, delta: patch, urgency: critical }
  kinds: { config: settings }
server-initiated:
  window: mon-fri 02:00-04:00
  load-max: 20%
`;

test('S3-27, S3-41: strategies are provisioned as a file', () => {
  assert.deepEqual(readStrategies(whole, 'fleet.yaml'), {
    urgency: {
      priorities: { critical: 5, high: 10, normal: 100 },
      rules: [
        { kind: 'settings', urgency: 'low' },
        { text: 'billing', delta: 'patch', urgency: 'critical' },
      ],
    },
    kinds: { config: 'settings' },
    strategy: { window: { days: 0b11111, opens: 120, lasts: 120 }, loadMax: 200 },
  });
});

const mistakes = [
  [
    'urgency:\n  rules:\n    - { kind: boot }',
    /fleet\.yaml:3: expected the key urgency, such as high, found none/,
  ],
  [
    'urgency:\n  rules:\n    - { urgency: soon }',
    /fleet\.yaml:3: expected one of critical, high, normal, low/,
  ],
  ['urgency:\n  priorities: { critical: 50 }', /fleet\.yaml:2: expected priorities that rise/],
  ['server-initiated: { window: noon }', /fleet\.yaml:1: window: expected a window such as/],
  ['server-initiated: { load-max: 3 }', /fleet\.yaml:1: load-max: expected a share from 0% to 100%/],
  ['urgencies: {}', /fleet\.yaml:1: .*urgencies.*urgency/],
  ['[1]', /fleet\.yaml:1: expected a strategy to be a map of keys/],
] as const;

for (const [text, message] of mistakes) {
  test(`S3-41: a strategy file with ${JSON.stringify(text)} is refused with the place`, () => {
    assert.throws(() => readStrategies(text, 'fleet.yaml'), message);
  });
}
