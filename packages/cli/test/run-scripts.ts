/**
 * The `lapel` command as a person uses it: each script holds commands, the files they need and the output
 * that is expected. Its first line is the sentence that it proves.
 *
 * `--- NAME` begins a file, `---` ends it. `$ ` is a command; lines after it are its stdout, `2> ` its
 * stderr, `(exit N)` how it ended where not with 0. `<hex>` stands for hexadecimal digits, `<any>` for
 * anything in a line. A command with `&` behind it goes on until the script ends, or `stop` ends the last of
 * them; where its first line has an address, LAPEL_SERVER is that.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';

const lapel = join(import.meta.dirname, '../bin/lapel.mjs');

interface Scene {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly running: ChildProcess[];
}

/** A test for each script in a folder. */
export async function testScripts(scripts: string): Promise<void> {
  const names = (await readdir(scripts)).filter((each) => each.endsWith('.txt')).sort();
  const texts = await Promise.all(names.map(async (name) => readFile(join(scripts, name), 'utf8')));
  // They wait for servers and devices as often as for a processor.
  suite('scripts', { concurrency: 2 }, () => {
    for (const [place, written] of texts.entries()) {
      const lines = written.split('\n');
      test(lines[0] ?? names[place], async () => {
        const folder = await mkdtemp(join(tmpdir(), 'lapel-script-'));
        const environment = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'] };
        const scene: Scene = { folder, environment, running: [] };
        try {
          await runScript(lines.slice(1), scene);
        } finally {
          for (const each of scene.running) await ended(each);
          await rm(folder, { recursive: true });
        }
      });
    }
  });
}

async function runScript(lines: readonly string[], scene: Scene): Promise<void> {
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.startsWith('--- ')) {
      const end = lines.indexOf('---', at);
      await writeFile(join(scene.folder, line.slice(4)), `${lines.slice(at + 1, end).join('\n')}\n`);
      at = end;
    } else if (line.startsWith('$ ')) {
      const next = lines.findIndex((each, index) => index > at && /^(?:\$|---|#)/.test(each));
      const expected = lines.slice(at + 1, next === -1 ? lines.length : next);
      assertOutput(line, (await run(line.slice(2), scene)).trimEnd(), expected.join('\n').trimEnd());
      at += expected.length;
    } else assert.match(line, /^(?:#.*)?$/, `expected a command, a file or a comment, found ${line}`);
  }
}

/** A command of lapel, or one of the few others that scripts need. */
async function run(command: string, scene: Scene): Promise<string> {
  const words = [...command.matchAll(/'(?<quoted>[^']*)'|\S+/g)].map(
    ({ 0: word, groups }) => groups?.['quoted'] ?? word,
  );
  const [name, ...args] = words;
  const file = join(scene.folder, args[0] ?? '');
  if (name === 'lapel' && args.at(-1) === '&') return startLapel(args.slice(0, -1), scene);
  if (name === 'lapel') return runLapel(args, scene);
  if (name === 'cut') await truncate(file, Number(args[1]));
  else if (name === 'grow') await truncateNew(file, Number(args[1]));
  else if (name === 'folder') await mkdir(file);
  else if (name === 'list') return (await readdir(scene.folder)).sort().join(' ');
  else if (name === 'copy') await copyFile(file, join(scene.folder, args[1] ?? ''));
  else if (name === 'stop') await stopLast(scene);
  else if (name === 'mode') return ((await stat(file)).mode & 0o777).toString(8);
  else if (name === 'flip') {
    const bytes = await readFile(file);
    const at = Number(args[1]);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(file, bytes);
  } else assert.fail(`expected lapel, cut, copy, flip, folder, grow, list, mode or stop, found ${name}`);
  return '';
}

/** A file that takes no room on the disk, whatever its size. */
async function truncateNew(file: string, bytes: number): Promise<void> {
  await writeFile(file, '');
  await truncate(file, bytes);
}

async function runLapel(args: readonly string[], { folder, environment }: Scene): Promise<string> {
  const redirected = args.indexOf('<');
  const input = redirected === -1 ? undefined : join(folder, args[redirected + 1] ?? '');
  const given = redirected === -1 ? args : args.slice(0, redirected);
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [lapel, ...given],
      { cwd: folder, env: environment },
      (error, stdout, stderr) => {
        const told = stderr.replaceAll(/^(?=.)/gm, '2> ');
        const code = error === null ? '' : `(exit ${error.code})\n`;
        resolve(`${stdout}${told}${code}`);
      },
    );
    if (input === undefined) child.stdin?.end();
    else void readFile(input).then((bytes) => child.stdin?.end(bytes));
  });
}

async function startLapel(args: readonly string[], { folder, environment, running }: Scene): Promise<string> {
  const child = spawn(process.execPath, [lapel, ...args], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:[^"]+/.exec(line)?.[0];
    if (address !== undefined) environment['LAPEL_SERVER'] = address;
    return '';
  }
  return assert.fail(`expected lapel ${args.join(' ')} to go on, found it ended`);
}

async function stopLast({ running }: Scene): Promise<void> {
  const last = running.pop();
  if (last !== undefined) await ended(last);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

function assertOutput(command: string, found: string, expected: string): void {
  const pattern = expected
    .split(/(?<place><hex>|<any>)/)
    .map(
      (piece) =>
        ({ '<hex>': '[0-9a-f]+', '<any>': '.*' })[piece] ?? piece.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'),
    );
  if (new RegExp(`^${pattern.join('')}$`).test(found)) return;
  assert.equal(found, expected, `the output of ${command}`);
}
