/**
 * Installs the Debian packages that tests need, where that is possible: as root, where apt is. Elsewhere it
 * says in one sentence what is missing, and the tests that need it are skipped.
 */
import { spawnSync } from 'node:child_process';
import { read } from './house.ts';

const minutesMax = 5;

/** Lines for a person: none when everything is there already. */
export function installDebianPackages(): readonly string[] {
  const missing = wanted().filter((name) => !isInstalled(name));
  if (missing.length === 0) return [];
  const list = missing.join(', ');
  if (process.getuid?.() !== 0 || !exists('apt-get')) {
    return [`Tests that need the Debian packages ${list} are skipped: installing them takes root and apt.`];
  }
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...missing]]) {
    const result = spawnSync('apt-get', args, {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: minutesMax * 60_000,
    });
    if (result.status !== 0) {
      const reason = (result.error?.message ?? result.stderr).trim().split('\n').at(-1) ?? '';
      return [
        `Tests that need the Debian packages ${list} are skipped: apt-get ${args[0] ?? ''} said '${reason}'.`,
      ];
    }
  }
  return [`Installed the Debian packages ${list}.`];
}

/** One package a line; what follows # says why. */
function wanted(): readonly string[] {
  const lines = read('tools/debian-packages.txt').split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((name) => name !== '');
}

function isInstalled(name: string): boolean {
  const result = spawnSync('dpkg-query', ['--show', '--showformat', '${db:Status-Status}', name], {
    encoding: 'utf8',
  });
  return result.status === 0 && result.stdout === 'installed';
}

function exists(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
}
