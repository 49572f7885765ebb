/** draft-ietf-suit-update-management-14 and mud-09, as descriptions say them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tagged, bstr, read } from '@lapel/cbor';
import { generateSigningKey, keyToPem } from '@lapel/cose';
import { outlineEnvelope, parseDescription } from '@lapel/author';
import type { ComponentMetadata, Effect, VirtualRecipientOptions, WaitEvents } from '@lapel/suit';
import { isUsageSigner, linux, readEnvelope, readManifest, versionText } from '@lapel/suit';
import { imageOf } from './memory-images.ts';
import { built, deviceWith, runOn, told } from './virtual-device.ts';

const head = 'sequence: 2\nvendor: lapel.example\nclass: lamp\n';
const files = {
  'new.bin': imageOf('the new firmware'),
  'old.bin': imageOf('the old firmware'),
  'bad.bin': imageOf('a bad firmware'),
};
const single = `${head}component: main\nimage: new.bin\nbootable: true\n`;

type Options = Partial<Omit<VirtualRecipientOptions, 'components'>>;

/** What an update does on a device that holds the old firmware. */
async function outcome(description: string, options: Options = {}, main = files['old.bin']): Promise<string> {
  const update = await built(description, files);
  const device = deviceWith(
    { main, download: new Uint8Array(), radio: imageOf('r') },
    {
      payloads: update.served,
      ...options,
    },
  );
  return told(device, runOn(device, update));
}

const done = 'fetch main';
const refused = 'condition-failed';

test('X-03, S4-74: from the time of useBefore on an update is refused, and still starts', async () => {
  const until = Date.parse('2027-04-01T00:00:00Z') / 1000;
  for (const time of ['2027-04-01', '2027-04-01T02:00+02:00', '2027-04-01T00:00:00Z', `${until}`]) {
    const description = `${single}useBefore: ${time}\n`;
    assert.equal(parseDescription(description).preconditions?.useBefore, until);
    assert.equal(await outcome(description, { time: until - 1 }), done, time);
    assert.equal(await outcome(description, { time: until }), refused, time);
  }
  const update = await built(`${single}useBefore: 2027-04-01\n`, files);
  const device = deviceWith({ main: files['new.bin'] }, { time: until + 1 });
  assert.equal(told(device, runOn(device, update, 'invocation')), 'invoke main');
});

test('X-22, S4-95: battery and application are asked before anything is fetched', async () => {
  assert.equal(await outcome(`${single}minimumBattery: 500\n`, { batteryMilliwattHours: 500 }), done);
  assert.equal(await outcome(`${single}minimumBattery: 500\n`, { batteryMilliwattHours: 499 }), refused);
  const urgent = { authorize: (priority: number) => priority < 0 };
  assert.equal(await outcome(`${single}priority: -10\n`, urgent), done);
  assert.equal(await outcome(`${single}priority: 10\n`, urgent), refused);
});

test('S4-95, X-89: an update waits for all that is described', async () => {
  const description = `${single}waitFor:
  authorization: -3
  power: 1
  network: 2
  time: 2027-01-01
  timeOfDay: 02:30
  dayOfWeek: saturday
  timeOfDayUtc: 86399
  dayOfWeekUtc: sunday
  otherDevice: { id: h'00ff', versions: [">=1.2", "<2"] }
useBefore: 2027-04-01
`;
  const waits: WaitEvents[] = [];
  const noted = (events: WaitEvents) => waits.push(events) > 0;
  // It is asked again after the wait whether there is time left.
  let asked = 0;
  const update = await built(description, files);
  const device = deviceWith({ main: files['old.bin'] }, { payloads: update.served, waits: noted, time: 1 });
  const counting = {
    ...device,
    perform: (effect: Effect) => {
      if (effect.do === 'time') asked++;
      return device.perform(effect);
    },
  };
  assert.equal(told(device, runOn(counting, update)), done);
  assert.equal(asked, 2);
  assert.deepEqual(waits, [
    {
      authorization: -3,
      power: 1,
      network: 2,
      time: Date.parse('2027-01-01') / 1000,
      timeOfDay: 9000,
      dayOfWeek: 6,
      timeOfDayUtc: 86_399,
      dayOfWeekUtc: 0,
      otherDeviceVersion: [
        Uint8Array.of(0, 255),
        [
          ['greater-or-equal', [1, 2]],
          ['lesser', [2]],
        ],
      ],
    },
  ]);
  assert.equal(await outcome(description, { time: 1 }), 'operation-failed');
});

test('X-29, S4-73: a component is installed over the versions that it requires', async () => {
  const description = `${head}components:
  - { id: main, image: new.bin, version: 2.0.0 }
  - { id: radio, requires: [">=1.2", "< 2"] }
`;
  assert.equal(await outcome(description, { version: [1, 2, 9] }), done);
  assert.equal(await outcome(description, { version: [1, 1] }), refused);
  assert.equal(await outcome(description, { version: [2] }), refused);
  // An operator reads why.
  const { summary } = outlineEnvelope((await built(description, files)).envelope);
  assert.equal(summary.text?.rest[0]?.[1].rest[1]?.[1].versionRequired, '>=1.2,<2');
});

test('RFC 9124 §4.3.9: an update goes over the image that it replaces, and over no other', async () => {
  const replacing = `${single}replaces: old.bin\n`;
  assert.equal(await outcome(replacing), done);
  assert.equal(await outcome(replacing, {}, files['bad.bin']), refused);
  const sparing = `${single}notOver: bad.bin\n`;
  assert.equal(await outcome(sparing), done);
  assert.equal(await outcome(sparing, {}, files['bad.bin']), refused);
  const held = `${single}holds: the old firmware\n`;
  assert.equal(await outcome(held), done);
  assert.equal(await outcome(held, {}, files['bad.bin']), refused);
  // What is only looked at is neither fetched nor needs an image.
  const beside = `${head}components: [{ id: main, image: new.bin }, { id: radio, holds: "h'72'" }]\n`;
  assert.equal(await outcome(beside), done);
});

test('§8.4.10.7: what was staged and what was there change places', async () => {
  const description = `${head}component: main\nimage: new.bin\nstaging: download\nswap: true\n`;
  const update = await built(description, files);
  const device = deviceWith(
    { main: files['old.bin'], download: new Uint8Array() },
    { payloads: update.served },
  );
  assert.equal(told(device, runOn(device, update)), 'fetch download, swap main');
  assert.deepEqual([...device.components.values()], [files['new.bin'], files['old.bin']]);
});

test('X-89: a file system learns what a component is, and the device what it is invoked with', async () => {
  const uuid = '01234567-89ab-4def-8123-456789abcdef';
  const description = `${single}invokeArguments: h'0102'
fetchArguments: slowly
metadata:
  permissions: [list_read, traverse_exec]
  users: { admin: 16383, 1000: [read_attr], ${uuid}: [], h'00ff': [sync] }
  groups: { wheel: [delete] }
  roles: { operator: [change_perm] }
  fileType: symbolic-link
  modified: 2026-11-25
  created: 1763712345
  creator: 0
`;
  const update = await built(description, files);
  const device = deviceWith({ main: files['old.bin'] }, { payloads: update.served });
  const seen: Effect[] = [];
  const watched = {
    ...device,
    perform: (effect: Effect) => {
      seen.push(effect);
      return device.perform(effect);
    },
  };
  assert.equal(told(device, runOn(watched, update)), 'describe main, fetch main');
  runOn(watched, update, 'invocation');
  const of = <K extends Effect['do']>(kind: K) =>
    seen.find((each): each is Extract<Effect, { readonly do: K }> => each.do === kind);
  assert.deepEqual(of('invoke')?.arguments, Uint8Array.of(1, 2));
  assert.deepEqual(of('fetch')?.arguments, imageOf('slowly'));
  const expected: ComponentMetadata = {
    defaultPermissions: 5,
    userPermissions: new Map<string | number | Uint8Array | Tagged, number>([
      [1000, 16],
      [Uint8Array.of(0, 255), 2048],
      ['admin', 16_383],
      [new Tagged(37, Buffer.from(uuid.replaceAll('-', ''), 'hex')), 0],
    ]),
    groupPermissions: new Map([['wheel', 1024]]),
    rolePermissions: new Map([['operator', 64]]),
    fileType: 'symbolic-link',
    modificationTime: Date.parse('2026-11-25') / 1000,
    creationTime: 1_763_712_345,
    creator: 0,
  };
  assert.equal(JSON.stringify(plain(of('describe')?.metadata)), JSON.stringify(plain(expected)));
});

/** Maps as lists, so that they can be compared whatever kind of bytes they hold. */
const plain = (value: unknown): unknown => {
  if (value instanceof Map) return [...value].map(plain);
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([key, each]) => [key, plain(each)]);
};

test('X-89: the manifest tells the version that it brings, and where it is kept', async () => {
  const versions = ['1.2.3', '1.10', '2', '1.2-rc.3', '1.2-beta', '1.2.3-alpha.4', '2025.12.6'];
  for (const version of versions) {
    const update = await built(
      `${single}setVersion: ${version}\nmanifestComponent: [root, "h'01'"]\n`,
      files,
    );
    const manifest = readManifest(read(bstr, readEnvelope(update.envelope, linux).manifest));
    assert.equal(versionText(manifest.setVersion ?? []), version);
    assert.deepEqual(manifest.componentIdentifier, [imageOf('root'), Uint8Array.of(1)]);
  }
});

test('RFC 9393: a CoSWID is carried beside the manifest, without its tag', async () => {
  const swid = Uint8Array.of(0xa1, 0x00, 0x01);
  const tagged = Uint8Array.of(0xda, 0x53, 0x57, 0x49, 0x44, ...swid);
  const carrying = async (content: Uint8Array, more = '') => {
    const { envelope } = await built(`${single}coswid: s.coswid\n${more}`, { ...files, 's.coswid': content });
    const { severed, manifest } = readEnvelope(envelope, linux);
    return { severed: severed.coswid, inside: readManifest(read(bstr, manifest)).coswid };
  };
  for (const content of [swid, tagged]) {
    assert.deepEqual((await carrying(content)).severed, Uint8Array.of(0x43, ...swid));
    assert.deepEqual((await carrying(content, 'severable: []\n')).inside, swid);
  }
  await assert.rejects(carrying(new Uint8Array()), /expected a CoSWID in s\.coswid, found an empty file/);
  await assert.rejects(carrying(imageOf('{}')), /found something that begins like no CBOR map/);
});

test('S0-09: the manifest says where the network usage is described, and by whom', async () => {
  const { public: key } = generateSigningKey('P-256');
  const url = 'https://lapel.example/lamp.json';
  const description = `${single}mud: { url: "${url}", signer: mud.pem }\n`;
  const update = await built(description, { ...files, 'mud.pem': imageOf(keyToPem(key)) });
  const { usageDescription } = outlineEnvelope(update.envelope).summary;
  assert.equal(usageDescription?.url, url);
  assert.ok(usageDescription !== undefined && isUsageSigner(usageDescription, key));
  await assert.rejects(built(description, { ...files, 'mud.pem': imageOf('no key') }), /mud\.pem: expected/);
});
