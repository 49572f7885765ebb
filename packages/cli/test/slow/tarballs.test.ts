/**
 * Each package is installed from its tarball into an empty project of its own, with no more than it declares,
 * and a few lines there use it. `alone/ROOM.ts` holds those lines: a new room needs a file there.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { house, packedRooms } from '../../../../tools/house.ts';
import { packRooms, runNpm, runTool } from '../../../../tools/pack-rooms.ts';

const folder = mkdtempSync(join(tmpdir(), 'lapel-tarballs-'));
let tarballs: ReadonlyMap<string, string> = new Map();

before(() => {
  tarballs = packRooms(join(folder, 'dist'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const { name: room, manifest } of packedRooms()) {
  test(`S0-17: ${manifest.name} works alone, installed from its tarball into an empty project`, () => {
    const project = emptyProject(room, manifest.name);
    copyFileSync(join(import.meta.dirname, 'alone', `${room}.ts`), join(project, 'alone.ts'));
    runTool(process.execPath, ['alone.ts'], project);
    // What is installed describes itself: the same lines hold for a compiler that has only the declarations.
    const compiler = join(house, 'node_modules/typescript/bin/tsc');
    runTool(process.execPath, [compiler, '-p', '.'], project);
  });
}

test('S0-17: the installed lapel command gives its help, under every Node that the machine has', () => {
  const project = join(folder, 'cli');
  assert.match(runNpm(['exec', '--no', '--', 'lapel', '--help'], project), /lapel/);
  for (const node of nodes()) {
    const shim = join(project, 'node_modules/lapel/bin/lapel.mjs');
    assert.match(runTool(node, [shim, '--help'], project), /lapel/);
  }
});

/** A project that holds one package, and what that declares. */
function emptyProject(room: string, name: string): string {
  const project = join(folder, room);
  mkdirSync(project);
  const ours = [...closure(name)].flatMap((each) => tarballs.get(each) ?? []);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig));
  runNpm(['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...ours], project);
  return project;
}

const tsconfig = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(house, 'node_modules/@types')],
  },
  files: ['alone.ts'],
};

/** A package and those of the house that it depends on: no registry has them. */
function closure(name: string, found = new Set<string>()): ReadonlySet<string> {
  const room = packedRooms().find(({ manifest }) => manifest.name === name);
  if (room === undefined || found.has(name)) return found;
  found.add(name);
  for (const dependency of Object.keys(room.manifest.dependencies ?? {})) closure(dependency, found);
  return found;
}

/** Every Node on the path, the oldest that we support among them where it is installed. */
function nodes(): readonly string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = folders.map((path) => join(path, 'node')).filter((path) => existsSync(path));
  return [...new Set([process.execPath, ...found])];
}
