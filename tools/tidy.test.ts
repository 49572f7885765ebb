/**
 * The walls of the house, as a test. A wall moves here first, in review. Each test names a rule and lists
 * every place that breaks it; the last ones show that the rules can fail.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files, read, rooms } from './house.ts';
import * as shape from './tidy/shape.ts';
import { parse, type Source, type Violation } from './tidy/source.ts';
import * as walls from './tidy/walls.ts';

/** Who may import whom, besides itself. `*` is every room; to the simulator, every room but the command. */
const mayImport: walls.Table = {
  cbor: [],
  cose: ['cbor'],
  transport: ['cbor', 'cose'],
  suit: ['cbor', 'cose'],
  author: ['cbor', 'cose', 'suit', 'transport'],
  'firmware-server': ['cose', 'suit', 'transport'],
  'status-tracker': ['cbor', 'cose', 'suit', 'transport'],
  gateway: [
    ...['cbor', 'cose', 'suit', 'firmware-server', 'transport'],
    ...['status-tracker/client', 'status-tracker/protocol'],
  ],
  bridges: ['firmware-server', 'status-tracker', 'transport'],
  device: ['cbor', 'cose', 'suit', 'transport', 'status-tracker/client', 'status-tracker/protocol'],
  'device-core': [],
  browser: ['cbor', 'cose', 'suit', 'author'],
  dashboard: ['status-tracker/protocol'],
  simulator: ['*'],
  cli: ['*'],
};

/** What a device runs, and what carries it: nothing in them comes from outside the house. */
const withoutDependencies = ['cbor', 'cose', 'suit', 'device', 'transport'];

const house = rooms();
const sources = files('packages/*/{src,test,bench}/**/*.ts', 'tools/**/*.ts', 'examples/**/*.ts').map(
  (path) => parse(path, read(path)),
);
const src = sources.filter(({ room, part }) => room !== undefined && part === 'src');

/** A peer on a bus, too, lives in its bootloader: all but the master's side of the link. */
const isBootloader = (path: string) =>
  /^packages\/device\/src\/(bootloader|peer)\//.test(path) && path !== 'packages/device/src/peer/link.ts';
const isPlan = (path: string) => path === 'packages/status-tracker/src/server/plan.ts';
const isPortable = (path: string) =>
  /^packages\/(cbor|cose|suit|device|browser)\/src\//.test(path) && path !== 'packages/cose/src/crypto.ts';

const isNodeModule = (target: string) => target.startsWith('node:');
const isForeignToBootloader = (target: string) =>
  (target.startsWith('@lapel/transport') && target !== '@lapel/transport/frame') ||
  target.startsWith('packages/device/src/firmware-consumer/');
const isForeignToPlan = (target: string) =>
  !/^packages\/status-tracker\/src\/(server\/(campaign|fleet)|policy\/[a-z-]+)\.ts$/.test(target);

test('a room imports only the rooms that the table allows, and nobody but the command the simulator', () => {
  none(walls.outsideTable(sources, mayImport));
});

test('a package is entered by its name and exports only, and src reaches for nothing beside src', () => {
  none(walls.pastFrontDoor(sources, house));
});

test('a room declares every package that it imports', () => {
  none(walls.undeclared(sources, house));
});

test('what a device runs, and what carries it, depends on nothing from outside the house', () => {
  const found = house.flatMap(({ name, manifest }) =>
    withoutDependencies.includes(name)
      ? Object.keys(manifest.dependencies ?? {}).filter((dependency) => !dependency.startsWith('@lapel/'))
      : [],
  );
  assert.deepEqual(found, []);
});

test('the bootloader imports of transport only its framing, and nothing of the firmware consumer', () => {
  none(walls.forbidden(sources, isBootloader, isForeignToBootloader));
});

test('cbor, cose but crypto.ts, suit, device and browser import no module of Node', () => {
  none(walls.forbidden(sources, isPortable, isNodeModule));
});

test('the planner imports only campaign.ts and fleet.ts: it is a function', () => {
  none(walls.forbidden(sources, isPlan, isForeignToPlan));
});

test('no file imports itself in a circle, type imports included', () => {
  none(walls.circles(src, house));
});

test('time, chance and the world are arguments but in the entry points, the command and system.ts', () => {
  none(sources.flatMap(shape.touchesWorld));
});

test('an authentic manifest is made by authenticate.ts alone', () => {
  none(sources.flatMap(shape.forgesProof));
});

test('a file has at most 300 lines', () => none(sources.flatMap(shape.tooLongFile)));

test('a line has at most 110 columns', () => none(sources.flatMap(shape.tooLongLine)));

test('a function has at most 60 lines', () => none(sources.flatMap(shape.tooLongFunction)));

test('every file of src begins with a prologue comment', () => none(sources.flatMap(shape.noPrologue)));

test('no file and no folder has a name that says nothing', () => {
  none(sources.flatMap(({ path }) => shape.vagueName(path)));
});

test('every file is named in kebab-case', () => {
  none(sources.flatMap(({ path }) => shape.notKebabCase(path)));
});

test('no text holds work without an issue, a path of a machine, a registry or a check switched off', () => {
  const texts = files(
    '*.{md,json,ts}',
    '{packages,tools,examples,docs}/**/*.{md,ts,mjs,json,txt,yaml,sh,c,h}',
    '.ci/*',
  );
  none(texts.flatMap((path) => shape.bannedWord(path, read(path))));
});

/** For each rule a snippet that breaks it once. */
const bad: Readonly<Record<string, () => readonly Violation[]>> = {
  table: () => walls.outsideTable([snippet('cbor', "import type { A } from '@lapel/suit';")], mayImport),
  simulator: () => walls.outsideTable([snippet('device', "export * from '@lapel/simulator';")], mayImport),
  command: () => walls.outsideTable([snippet('simulator', "await import('lapel');")], mayImport),
  'deep import': () => walls.pastFrontDoor([snippet('suit', "import '@lapel/cose/src/sign.ts';")], house),
  'path out of src': () => walls.pastFrontDoor([snippet('suit', "import '../test/forge.ts';")], house),
  undeclared: () => walls.undeclared([snippet('cbor', "import 'cborg';")], house),
  bootloader: () => {
    const source = parse('packages/device/src/bootloader/boot.ts', "import '../firmware-consumer/fetch.ts';");
    return walls.forbidden([source], isBootloader, isForeignToBootloader);
  },
  'node module': () =>
    walls.forbidden([snippet('suit', "import 'node:fs'; let a: string;")], isPortable, isNodeModule),
  planner: () => {
    const source = parse('packages/status-tracker/src/server/plan.ts', "import './notify.ts';");
    return walls.forbidden([source], isPlan, isForeignToPlan);
  },
  circle: () => {
    const one = parse('packages/suit/src/one.ts', "import type { Two } from './two.ts';");
    const two = parse('packages/suit/src/two.ts', "let one: import('./one.ts').One;");
    return walls.circles([one, two], house);
  },
  clock: () => shape.touchesWorld(snippet('suit', 'export const at = Date.now();')),
  date: () => shape.touchesWorld(snippet('suit', 'export const at = new Date();')),
  fetch: () => shape.touchesWorld(snippet('device', "await fetch('coap://x');")),
  environment: () => shape.touchesWorld(snippet('suit', 'export const { A } = process.env;')),
  proof: () => shape.forgesProof(snippet('device', 'export const m = {} as AuthenticManifest;')),
  'long file': () => shape.tooLongFile(snippet('suit', '\n'.repeat(301))),
  'long line': () => shape.tooLongLine(snippet('suit', `// ${'x'.repeat(108)}`)),
  'long function': () => shape.tooLongFunction(snippet('suit', `export function f() {${'\n'.repeat(60)}}`)),
  prologue: () => shape.noPrologue(snippet('suit', '// A remark.\nexport const a = 1;')),
  'vague name': () => shape.vagueName('packages/suit/src/utils/a.ts'),
  'camel case': () => shape.notKebabCase('packages/suit/src/bootLoader.ts'),
  'work left': () => shape.bannedWord('a.ts', ['// TO', 'DO later'].join('')),
  'path of a machine': () => shape.bannedWord('a.md', ['see /wor', 'k/main'].join('')),
};

for (const [name, broken] of Object.entries(bad)) {
  test(`the rule can fail: ${name}`, () => assert.equal(broken().length, 1));
}

test('a function of our own may be called fetch', () => {
  const source = snippet('device', "import { fetch } from './fetch.ts'; await fetch(1);");
  assert.deepEqual(shape.touchesWorld(source), []);
});

function snippet(room: string, text: string): Source {
  return parse(`packages/${room}/src/snippet.ts`, text);
}

function none(violations: readonly Violation[]): void {
  const lines = violations.map(({ path, line, message }) => `${path}:${line}: ${message}`);
  assert.ok(lines.length === 0, `\n${lines.join('\n')}`);
}
