/** The bootloader is small and offline, measured on its own sources and what they reach in the device. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { house } from './house.ts';
import { parse, type Source } from './tidy/source.ts';

/** Lines of the device's own, comments too, that a bootloader for every layout and recovery may reach. */
const linesMax = 4000;
/** Only these packages, and of the transport only what a serial line needs. */
const allowedPackages = ['@lapel/cbor', '@lapel/cose', '@lapel/suit', '@lapel/transport/frame'];

const source = (path: string): Source => parse(path, readFileSync(join(house, path), 'utf8'));

/** The file and all that it imports by a relative path, types included. */
function reached(entry: string): ReadonlyMap<string, Source> {
  const found = new Map<string, Source>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const file = source(path);
    found.set(path, file);
    for (const { specifier } of file.imports) {
      if (specifier.startsWith('.')) visit(posix.join(posix.dirname(path), specifier));
    }
  };
  visit(entry);
  return found;
}

const folder = 'packages/device/src/bootloader/';
const closure = new Map(['boot.ts', 'recover.ts'].flatMap((entry) => [...reached(`${folder}${entry}`)]));

const peers = reached('packages/device/src/peer/peer.ts');

test('S1-20, S4-49: a bootloader reaches no network, and nothing of the application', () => {
  for (const [path, { imports }] of [...closure, ...peers]) {
    assert.doesNotMatch(path, /firmware-consumer|agent|-source\.ts/, 'reached from the bootloader');
    for (const { specifier } of imports.filter((each) => !each.specifier.startsWith('.'))) {
      assert.ok(allowedPackages.includes(specifier), `${path} imports ${specifier}`);
    }
  }
});

test('S1-20: a bootloader stays within its budget, and so does that of a peer on a bus', () => {
  for (const files of [closure, peers]) {
    const lines = [...files.values()].reduce((sum, file) => sum + file.lines.length, 0);
    assert.ok(lines <= linesMax, `expected at most ${linesMax} lines in ${files.size} files, found ${lines}`);
  }
});
