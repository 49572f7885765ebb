/** draft-ietf-suit-update-management-14: its conditions, its directives, its metadata. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tagged, encode, read, write } from '@lapel/cbor';
import type { Command, Policy, SuitError, Version, VersionMatch, VirtualRecipientOptions } from '@lapel/suit';
import {
  Manifest,
  Parameters,
  authenticate,
  isVersionMatch,
  linux,
  strict,
  summarise,
  versionText,
} from '@lapel/suit';
import {
  anchors,
  at,
  attempt,
  component,
  copy,
  fetch,
  forge,
  imageOf,
  manifestOf,
  match,
  perform,
  process,
  recipient,
  refusal,
  seal,
  set,
  tryEach,
} from '../forge.ts';

const firmware = new TextEncoder().encode('the new firmware');
const uri = 'http://example.com/f';
const payloads = new Map([[uri, firmware]]);

/** What becomes of an update with these checks before its fetch: what it did, and the reason it ended. */
function outcome(options: Partial<VirtualRecipientOptions>, ...checks: readonly Command[]): string {
  const by = recipient({ payloads, ...options });
  const payloadFetch = [...checks, set({ uri, ...imageOf(firmware) }), fetch, match];
  const { failure } = attempt(forge({ sections: { payloadFetch } }), by);
  return [...by.trace, failure?.error.reason ?? 'ok'].join(', ');
}

const refused = 'condition-failed';
const done = 'fetch 00, ok';

test('X-03, S4-74: an update is used before its time, by a clock that is trusted', () => {
  const check = [set({ useBefore: 1000 }), perform('condition-use-before')];
  assert.equal(outcome({ time: 999 }, ...check), done);
  assert.equal(outcome({ time: 1000 }, ...check), refused);
  assert.equal(outcome({ time: 1001 }, ...check), refused);
  assert.equal(outcome({ time: 0 }, perform('condition-use-before')), refused);
  // Beyond 32 bits, and beyond what a number holds exactly.
  assert.equal(
    outcome({ time: 2 ** 33 }, set({ useBefore: 2 ** 32 }), perform('condition-use-before')),
    refused,
  );
  const far = [set({ useBefore: 2n ** 64n - 1n }), perform('condition-use-before')];
  assert.equal(outcome({ time: 2 ** 33 }, ...far), done);
});

test('X-03: without a clock that is trusted the policy decides whether an update may be used', () => {
  const check = [set({ useBefore: 1000 }), perform('condition-use-before')];
  const policy: Policy = { ...strict, acceptsExpiryWithoutClock: true };
  assert.equal(outcome({}, ...check), refused);
  assert.equal(outcome({ policy }, ...check), done);
  // A clock that is there decides, whatever the policy.
  assert.equal(outcome({ policy, time: 1000 }, ...check), refused);
});

test('X-89: image-not-match holds for another image and for none, and needs a digest', () => {
  const check = [set(imageOf(firmware)), perform('condition-image-not-match')];
  assert.equal(outcome({ components: { '00': firmware } }, ...check), refused);
  assert.equal(outcome({ components: { '00': firmware.subarray(1) } }, ...check), done);
  assert.equal(outcome({ components: { '00': new Uint8Array() } }, ...check), done);
  assert.equal(outcome({}, perform('condition-image-not-match')), refused);
});

test('X-22: with too little in the battery nothing is fetched', () => {
  const check = [set({ minimumBattery: 500 }), perform('condition-minimum-battery')];
  assert.equal(outcome({ batteryMilliwattHours: 500 }, ...check), done);
  assert.equal(outcome({ batteryMilliwattHours: 499 }, ...check), refused);
  assert.equal(outcome({}, ...check), refused);
  assert.equal(outcome({ batteryMilliwattHours: 500 }, perform('condition-minimum-battery')), refused);
});

test('X-89, S4-95: the application authorizes by priority, and the smaller is the more urgent', () => {
  const check = (updatePriority: number) => [set({ updatePriority }), perform('condition-update-authorized')];
  const urgentOnly = { authorize: (priority: number) => priority < 0 };
  assert.equal(outcome(urgentOnly, ...check(-10)), done);
  assert.equal(outcome(urgentOnly, ...check(3)), refused);
  assert.equal(outcome({}, ...check(-10)), refused);
  assert.equal(outcome({ authorize: () => true }, perform('condition-update-authorized')), refused);
});

test('X-29, S4-73: a version is compared as far as the manifest names it', () => {
  const rows: readonly (readonly [VersionMatch, Version, boolean])[] = [
    [['equal', [1]], [1, 9, 3], true],
    [['equal', [1]], [2], false],
    [['equal', [1, 0]], [1], true],
    [['greater-or-equal', [1, 0]], [1, 0, 7], true],
    [['lesser', [1, 10]], [1, 9, 99], true],
    [['lesser', [1, 10]], [1, 10, 1], false],
    [['lesser-or-equal', [1, 10]], [1, 10, 1], true],
    [['greater', [1, 2, 3]], [1, 2, 3], false],
    [['greater', [1, 2, 3]], [1, 3], true],
    // A release candidate comes before its release, and after all that came before.
    [['greater', [2, 0, 0]], [2, 0, 0, -1, 1], false],
    [['lesser', [2, 0, 0]], [2, 0, -1, 1], true],
    [['greater', [1, 99]], [2, 0, -1, 1], true],
    [['lesser', [2, -1]], [2, -2, 4], true],
    [['lesser', [2, -2]], [2, -3], true],
  ];
  for (const [wanted, found, holds] of rows) {
    assert.equal(isVersionMatch(wanted, found), holds, `${wanted.join(' ')} ${found.join('.')}`);
    const check = [set({ version: wanted }), perform('condition-version')];
    assert.equal(outcome({ version: found }, ...check), holds ? done : refused);
  }
  assert.equal(outcome({}, set({ version: ['equal', [1]] }), perform('condition-version')), refused);
  assert.equal(outcome({ version: [1] }, perform('condition-version')), refused);
});

test('X-89: versions read as people write them', () => {
  const texts: readonly (readonly [Version, string])[] = [
    [[1, 2, 3], '1.2.3'],
    [[1, 2, -1, 3], '1.2-rc.3'],
    [[1, 2, -2], '1.2-beta'],
    [[1, 2, -3], '1.2-alpha'],
    [[1, 2, 3, -3, 4], '1.2.3-alpha.4'],
  ];
  for (const [version, text] of texts) assert.equal(versionText(version), text);
});

test('S4-95, X-89: a wait goes on when all events have come, and aborts where one is unsupported', () => {
  const waitInfo = { power: 1, timeOfDayUtc: 7200, otherDeviceVersion: [Uint8Array.of(7), []] } as const;
  const events = { power: 1, timeOfDayUtc: 7200 };
  const seen: unknown[] = [];
  const waits = (all: object) => {
    seen.push(all);
    return !('timeOfDay' in all);
  };
  assert.equal(outcome({ waits }, set({ waitInfo: events }), perform('directive-wait')), done);
  assert.deepEqual(seen, [events]);
  const local = [set({ waitInfo: { timeOfDay: 1 } }), perform('directive-wait')];
  assert.equal(outcome({ waits }, ...local), 'operation-failed');
  assert.equal(outcome({ waits }, tryEach(local, null)), 'operation-failed');
  assert.equal(outcome({ waits }, perform('directive-wait')), 'operation-failed');
  assert.throws(() => set({ waitInfo }), /expected 1 to 8 items/);
});

test('X-89: a wait without an event, or for one that nobody knows, is refused', () => {
  const raw = (value: Uint8Array): Command => ({
    name: 'directive-override-parameters',
    parameters: encode(new Map([[29, value]])),
  });
  assert.equal(outcome({}, raw(encode(new Map()))), 'cbor-parse');
  assert.equal(outcome({}, raw(encode(new Map([[10, 1]])))), 'parameter-unsupported');
});

test('X-89: override-multiple sets the parameters of each component, and ends at the last', () => {
  const [one, two] = [firmware, firmware.subarray(3)];
  const by = recipient({ payloads: new Map([...payloads, ['http://example.com/g', two]]) });
  const each: Command = {
    name: 'directive-override-multiple',
    byIndex: [
      [0, write(Parameters, { uri, ...imageOf(one) })],
      [1, write(Parameters, { uri: 'http://example.com/g', ...imageOf(two) })],
    ],
  };
  const components = [component(0), component(1)];
  process(forge({ components, sections: { install: [each, fetch, match, at(0), fetch, match] } }), by);
  assert.deepEqual(by.trace, ['fetch 01', 'fetch 00']);
  const beyond: Command = { ...each, byIndex: [[2, write(Parameters, { uri })]] };
  assert.throws(
    () => process(forge({ components, sections: { install: [beyond] } })),
    refusal('run', 'component-unsupported', /index below 2, found 2/),
  );
});

test('X-89: copy-params takes the named parameters of other components, and no more', () => {
  const components = [component(0), component(1)];
  const copyParams = (...numbers: readonly number[]): Command => ({
    name: 'directive-copy-params',
    from: [[0, numbers]],
  });
  const first = [at(0), set({ uri, ...imageOf(firmware) }), at(1)];
  const run = (...install: readonly Command[]) =>
    attempt(forge({ components, sections: { install: [...first, ...install] } }), recipient({ payloads }));
  assert.equal(run(copyParams(3, 14, 21), fetch, match).failure, undefined);
  const reason = ({ failure }: { readonly failure?: { readonly error: SuitError } }) => failure?.error.reason;
  assert.equal(reason(run(copyParams(21), fetch, match)), 'condition-failed');
  assert.equal(reason(run(copyParams(18))), 'operation-failed');
  assert.equal(reason(run(copyParams(99))), 'parameter-unsupported');
  assert.equal(reason(run({ name: 'directive-copy-params', from: [[2, [3]]] })), 'component-unsupported');
});

test('X-89: component metadata goes with what makes the content', () => {
  const componentMetadata = {
    defaultPermissions: 0b100_0000,
    userPermissions: new Map([['root', 0x3fff]]),
    fileType: 'symbolic-link',
    modificationTime: 1_700_000_000,
    creator: new Tagged(37, new Uint8Array(16)),
  } as const;
  const described = set({ componentMetadata, content: firmware, sourceComponent: 1 });
  const by = recipient({ components: { '00': firmware, '01': firmware } });
  const sections = {
    install: [at(0), described, perform('directive-write'), copy, perform('directive-swap')],
  };
  process(forge({ components: [component(0), component(1)], sections }), by);
  assert.deepEqual(by.trace, ['describe 00', 'write 00', 'describe 00', 'copy 00', 'swap 00']);
  const wrong: readonly Parameters[] = [
    { componentMetadata: { defaultPermissions: 0x4000 } },
    { componentMetadata: { userPermissions: new Map([['root', -1]]) } },
    { componentMetadata: { creator: null } },
  ];
  for (const parameters of wrong) {
    assert.throws(() => read(Parameters, write(Parameters, parameters)), /expected/);
  }
});

test('X-89: a manifest says which version it sets, and carries a CoSWID that can be severed', () => {
  const coswid = encode(new Map([[0, 'a software identity tag']]));
  const { manifest } = manifestOf({ sections: { validate: [match] } });
  const inside = seal(write(Manifest, { ...manifest, setVersion: [1, 2, 3], coswid }));
  const { version } = summarise(authenticate(inside, anchors, linux), linux);
  assert.deepEqual(version, [1, 2, 3]);
  const sections = { install: [fetch] };
  const named = { sections, coswid, severable: ['coswid'] } as const;
  for (const severed of [[], ['coswid']] as const) {
    const { envelope } = authenticate(forge({ ...named, severed }), anchors, linux);
    assert.equal(envelope.severed.coswid === undefined, severed.length > 0);
    // Nobody needs it to update.
    assert.throws(() => process(forge({ ...named, severed })), refusal('run', 'operation-failed', /uri/));
  }
  assert.throws(() => seal(write(Manifest, { ...manifest, setVersion: [] })), /expected 1 to 16 items/);
});
