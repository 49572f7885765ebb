/**
 * docs/protocol.cddl is for those who write another half of the protocol. It says the same as protocol.ts:
 * of each rule messages are made that it allows, each at a limit, and messages that it does not, each by one
 * fault; the schemas must read the former and refuse the latter.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Item, ItemMap, Schema } from '@lapel/cbor';
import { CborError, diagnostic, encode, read, write } from '@lapel/cbor';
import * as protocol from '../src/protocol.ts';

/** Items that a rule allows, the plainest first, and items that it does not. */
interface Samples {
  readonly good: readonly Item[];
  readonly bad: readonly Item[];
}

const document = readFileSync(new URL('../../../docs/protocol.cddl', import.meta.url), 'utf8');
const rules = readRules(document);

const plainTypes: Readonly<Record<string, Samples>> = {
  uint: { good: [0, 1, Number.MAX_SAFE_INTEGER], bad: [-1, 'text', 2n ** 53n, null] },
  bool: { good: [false, true], bad: [0, null] },
  'bstr .cbor any': {
    good: [encode(new Map([[1, 2]])), encode(0)],
    bad: [new Uint8Array(), Uint8Array.of(0xff), Uint8Array.of(0, 0), 'text'],
  },
};

const schemas: Readonly<Record<string, Schema<unknown>>> = {
  registration: protocol.Registration,
  terms: protocol.Terms,
  spoken: protocol.Spoken,
  characteristics: protocol.Characteristics,
  answer: protocol.Answer,
  trigger: protocol.Trigger,
  'check-in': protocol.CheckIn,
  'core-status': protocol.CoreStatus,
  'installed-component': protocol.InstalledComponent,
  'refused-image': protocol.RefusedImage,
  receipt: protocol.Receipt,
  offer: protocol.Offer,
  'poll-answer': protocol.PollAnswer,
  campaign: protocol.Campaign,
  'campaign-order': protocol.CampaignOrder,
  'campaign-approval': protocol.CampaignApproval,
  'newest-release': protocol.NewestRelease,
  'gate-terms': protocol.GateTerms,
  'maintenance-window': protocol.MaintenanceWindow,
  'device-id': protocol.DeviceId,
};

for (const [name, schema] of Object.entries(schemas)) {
  const { good, bad } = samplesOf(rules.get(name) ?? '');

  test(`docs/protocol.cddl: ${name} is read and written as the document says`, () => {
    assert.ok(good.length > 0);
    for (const item of good) {
      const encoded = encode(item);
      assert.deepEqual(write(schema, read(schema, encoded)), encoded);
    }
  });

  test(`docs/protocol.cddl: what is no ${name} is refused`, () => {
    assert.ok(bad.length > 0);
    for (const item of bad) assert.throws(() => read(schema, encode(item)), CborError, diagnostic(item));
  });
}

test('docs/protocol.cddl: every message of the protocol stands in it', () => {
  const messages = [...rules].filter(([, text]) => text.startsWith('{')).map(([name]) => name);
  const described = Object.keys(schemas).filter((name) => name !== 'device-id');
  assert.deepEqual(messages.toSorted(), described.toSorted());
});

test('docs/protocol.cddl: names and numbers of states, modes and orders are those of the code', () => {
  const numbers = (text: string): unknown =>
    Object.fromEntries([...text.matchAll(/([\w-]+): (\d+)/g)].map(([, name, code]) => [name, Number(code)]));
  assert.deepEqual(numbers(rules.get('device-state') ?? ''), protocol.deviceStates);
  assert.deepEqual(numbers(rules.get('update-mode') ?? ''), protocol.updateModes);
  assert.deepEqual(numbers(rules.get('transport') ?? ''), protocol.transportNames);
  assert.deepEqual(numbers(rules.get('reachability') ?? ''), protocol.reachabilities);
  assert.deepEqual(numbers(rules.get('urgency') ?? ''), protocol.urgencies);
  assert.deepEqual(numbers(rules.get('decision') ?? ''), protocol.decisions);
  assert.deepEqual(numbers(rules.get('boot-verification') ?? ''), protocol.bootVerifications);
  assert.deepEqual(numbers(rules.get('rollback-protection') ?? ''), protocol.rollbackProtections);
  const order = /&\(pause.*?\)/.exec(rules.get('campaign-order') ?? '')?.[0];
  assert.deepEqual(numbers(order ?? ''), protocol.campaignOrders);
});

/** Each rule's right side by its name, on one line and without comments. */
function readRules(text: string): ReadonlyMap<string, string> {
  const plain = text.replaceAll(/;.*$/gm, '').replaceAll(/\s+/g, ' ');
  const found = [...plain.matchAll(/(?<name>[a-z][\w-]*) = (?<type>.*?)(?= [a-z][\w-]* = |$)/g)];
  return new Map(found.map(({ groups }) => [groups?.['name'] ?? '', (groups?.['type'] ?? '').trim()]));
}

function samplesOf(type: string): Samples {
  const rule = rules.get(type);
  const limited = /^text-(?<max>\d+)$/.exec(type)?.groups?.['max'];
  if (limited !== undefined) return textOf(Number(limited));
  if (rule !== undefined) return samplesOf(rule);
  if (type.startsWith('{')) return mapOf(type);
  if (type.startsWith('[')) return arrayOf(type);
  if (type.startsWith('&')) return codesOf(type);
  if (type.startsWith('bstr .size')) return bytesOf(type);
  if (type.startsWith('tstr .regexp')) return patternOf(type);
  if (/^\d+$/.test(type)) return { good: [Number(type)], bad: [Number(type) + 1, 'text'] };
  const known = plainTypes[type];
  assert.ok(known, `expected a type that this test reads, found ${type}`);
  return known;
}

function textOf(max: number): Samples {
  return { good: ['', 'x'.repeat(max)], bad: ['x'.repeat(max + 1), new Uint8Array(1), 0] };
}

function bytesOf(type: string): Samples {
  const [least = 0, most = least] = [...type.matchAll(/\d+/g)].map(Number);
  const shorter = least > 0 ? [new Uint8Array(least - 1)] : [];
  const good = [new Uint8Array(least), new Uint8Array(most)];
  return { good, bad: [...shorter, new Uint8Array(most + 1), 'x'.repeat(least)] };
}

/** Of the one pattern that there is: a letter or digit, then up to 63 of these and of `._-`. */
function patternOf(type: string): Samples {
  const pattern = new RegExp(`^(?:${/"(?<text>.*)"/.exec(type)?.groups?.['text'] ?? ''})$`);
  const names = ['lamp-1', 'A', '0._-', 'x'.repeat(64), 'x'.repeat(65), '', '-a', '.a', 'a/b', 'ä', 'a\n'];
  return {
    good: names.filter((name) => pattern.test(name)),
    bad: [...names.filter((name) => !pattern.test(name)), 0],
  };
}

function codesOf(type: string): Samples {
  const good = [...type.matchAll(/: (\d+)/g)].map(([, code]) => Number(code));
  return { good, bad: [0, Math.max(...good) + 1, 'text'] };
}

function arrayOf(type: string): Samples {
  const found = /^\[(?<min>\d+)\*(?<max>\d+) (?<of>.*)\]$/.exec(type)?.groups;
  const [min, max] = [Number(found?.['min']), Number(found?.['max'])];
  const of = samplesOf(found?.['of'] ?? '');
  const many = (count: number) => Array.from({ length: count }, () => of.good[0]);
  const shorter = min > 0 ? [many(min - 1)] : [];
  return {
    good: [many(Math.max(1, min)), many(min), many(max), ...of.good.map((item) => [item])],
    bad: [...shorter, many(max + 1), ...of.bad.map((item) => [item]), new Map()],
  };
}

interface Member {
  readonly key: number;
  readonly optional: boolean;
  readonly type: string;
}

function mapOf(type: string): Samples {
  const members = [
    ...type.matchAll(/(?<optional>\? )?(?<key>\d+) => (?<type>.*?),(?= (?:\? )?\d+ =>| \})/g),
  ].map(({ groups }): Member => ({
    key: Number(groups?.['key']),
    optional: groups?.['optional'] !== undefined,
    type: groups?.['type'] ?? '',
  }));
  const samples = new Map(members.map(({ key, type: of }) => [key, samplesOf(of)]));
  const whole = new Map<Item, Item>([...samples].map(([key, { good }]) => [key, good[0]]));
  const without = (key: number): ItemMap => new Map([...whole].filter(([each]) => each !== key));
  const withItem = (key: number) => (item: Item) => new Map(whole).set(key, item);
  const each = (kind: keyof Samples) =>
    [...samples].flatMap(([key, of]) => of[kind].map((item) => withItem(key)(item)));
  const required = members.filter(({ optional }) => !optional);
  const optional = members.filter((member) => member.optional);
  const unknown = withItem(Math.max(...samples.keys()) + 1)(0);
  return {
    good: [whole, ...optional.map(({ key }) => without(key)), ...each('good')],
    bad: [...required.map(({ key }) => without(key)), ...each('bad'), unknown, []],
  };
}
