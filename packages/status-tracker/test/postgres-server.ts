/**
 * A PostgreSQL server for tests: Debian's, as an unprivileged user, with its data in a temporary folder and
 * a socket there for its only door.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PostgresServer {
  readonly url: string;
  /** Kills it as a power cut would, and starts it again on what is there. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const debianFolder = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root. */
const unprivileged = 'postgres';
const readyMsMax = 60_000;

/** Why there is none, or false: what a skipped test says. */
export const missingPostgres: string | false =
  programs() === undefined
    ? 'postgresql is not here: tools/debian-packages.txt names it'
    : process.getuid?.() === 0 && idOf(unprivileged) === undefined
      ? `no user ${unprivileged} is here, and PostgreSQL does not run as root`
      : false;

export async function startPostgres(): Promise<PostgresServer> {
  const bin = programs();
  if (bin === undefined) throw new Error(String(missingPostgres));
  const user = process.getuid?.() === 0 ? idOf(unprivileged) : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'lapel-pg-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const init = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'lapel', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...user, cwd: folder, encoding: 'utf8' },
  );
  if (init.status !== 0) throw new Error(`expected initdb to make a database, found ${init.stderr}`);
  const url = `socket:${folder}?db=postgres&user=lapel`;

  async function start(): Promise<ChildProcess> {
    const args = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=60'];
    const server = spawn(join(bin ?? '', 'postgres'), args, { ...user, cwd: folder, stdio: 'ignore' });
    for (const end = Date.now() + readyMsMax; Date.now() < end; await sleep(50)) {
      if (server.exitCode !== null) throw new Error(`expected a server, found exit code ${server.exitCode}`);
      const ready = spawnSync(join(bin ?? '', 'pg_isready'), ['-q', '-h', folder, '-U', 'lapel']);
      if (ready.status === 0) return server;
    }
    throw new Error(`expected a server within ${readyMsMax} ms, found none`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  }

  let server = await start();
  const onExit = () => void server.kill('SIGQUIT');
  process.on('exit', onExit);
  return {
    url,
    async crash() {
      // An immediate shutdown is a crash to the next start, and leaves no process behind.
      await end('SIGQUIT');
      server = await start();
    },
    async stop() {
      process.off('exit', onExit);
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The newest version that is installed. */
function programs(): string | undefined {
  if (!existsSync(debianFolder)) return undefined;
  const versions = readdirSync(debianFolder).toSorted((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(debianFolder, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}

function idOf(user: string): { readonly uid: number; readonly gid: number } | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, user], { encoding: 'utf8' }));
  if (uid?.status !== 0 || gid?.status !== 0) return undefined;
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
