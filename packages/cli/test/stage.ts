/** A folder in which a test types commands, some of which go on in the background until it is over. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface Ended {
  readonly exit: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InBackground {
  readonly child: ChildProcess;
  output: string;
}

export interface Stage {
  readonly folder: string;
  /** What every command finds in its environment, beside this process's own. */
  readonly environment: Record<string, string>;
  run(...args: readonly string[]): Promise<Ended>;
  /** @returns the stdout of a command that ends well. */
  lapel(...args: readonly string[]): Promise<string>;
  background(...args: readonly string[]): InBackground;
  /** A server, once it listens. @returns it with its address. */
  serving(...args: readonly string[]): Promise<InBackground & { readonly url: string }>;
  /** The same folder, its commands started by another one: `nsenter`, in a network of their own. */
  through(...starter: readonly string[]): Stage;
}

export async function createStage(t: TestContext): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-stage-'));
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  return stageIn(folder, children, {}, []);
}

function stageIn(
  folder: string,
  children: ChildProcess[],
  environment: Record<string, string>,
  starter: readonly string[],
): Stage {
  const env = () => ({ ...process.env, ...environment });
  const [program, ...leading] = [...starter, process.execPath, main];
  const run = (...args: readonly string[]): Promise<Ended> =>
    new Promise((resolve) => {
      const started = execFile(
        program,
        [...leading, ...args],
        { cwd: folder, env: env(), maxBuffer: 2 ** 24 },
        (error, stdout, stderr) =>
          resolve({ exit: error === null ? 0 : (error.signal ?? error.code), stdout, stderr }),
      );
      started.stdin?.end();
    });
  const background = (...args: readonly string[]): InBackground => {
    const child = spawn(program, [...leading, ...args], {
      cwd: folder,
      env: env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const seen = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (seen.output += text));
    }
    return seen;
  };
  return {
    folder,
    environment,
    run,
    background,
    async lapel(...args) {
      const { exit, stdout, stderr } = await run(...args);
      assert.equal(exit, 0, `lapel ${args.join(' ')}\n${stdout}${stderr}`);
      return stdout;
    },
    async serving(...args) {
      const server = background('serve', '--port', '0', ...args);
      await until(server, /http:[^\s"]+/);
      return Object.assign(server, { url: /http:[^\s"]+/.exec(server.output)?.[0] ?? '' });
    },
    through: (...further) => stageIn(folder, children, environment, [...starter, ...further]),
  };
}

/** Waits until the output of a process in the background matches, at most a minute. */
export async function until(process: { readonly output: string }, pattern: RegExp): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (pattern.test(process.output)) return;
    await sleep(200);
  }
  assert.fail(`expected ${pattern} within a minute, found:\n${process.output}`);
}

/** A lamp of the first version with a flash of its own, `ID.flash`, which an operator has made known. */
export async function addLamp(
  { lapel }: Pick<Stage, 'lapel'>,
  id: string,
  asOperator: readonly string[],
  ...how: readonly string[]
): Promise<void> {
  const factory = ['--trust', 'author.pub.pem', '--tracker', 'data/keys/tracker.pub.pem'];
  const firmware = ['--firmware', '1.0.0.suit', '--image', 'lamp.bin', ...how];
  await lapel('device', 'make', `${id}.flash`, '--id', id, ...factory, ...firmware);
  const identity = ['--key', `${id}.pub.pem`, '--vendor', 'lapel.example', '--class', 'lamp'];
  await lapel('devices', 'add', id, ...identity, ...asOperator);
}

const shortImage = new TextEncoder().encode('a firmware image for a lamp\n');

/**
 * Keys of an author and an operator, and two signed versions of a lamp. @returns by which options a server
 * believes them.
 */
export async function withLamps({ lapel, folder }: Stage, image = shortImage): Promise<readonly string[]> {
  await lapel('keygen', 'author.pem');
  await lapel('keygen', 'operator.pem');
  await writeFile(join(folder, 'lamp.bin'), image);
  for (const [version, sequence] of Object.entries({ '1.0.0': 1, '1.1.0': 2 })) {
    const what = `sequence: ${sequence}\nvendor: lapel.example\nclass: lamp\ncomponent: main\nbootable: true`;
    await writeFile(join(folder, `${version}.yaml`), `${what}\nimage: lamp.bin\nversion: ${version}\n`);
    await lapel('create', `${version}.yaml`, '-o', `${version}.suit`);
    await lapel('sign', `${version}.suit`, '--key', 'author.pem');
  }
  return ['--author', 'author.pub.pem', '--operator', 'operator.pub.pem'];
}
