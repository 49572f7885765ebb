/**
 * A PostgreSQL server for tests: Debian's, as an unprivileged user, with its data in a temporary folder and
 * a socket there for its only door.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PostgresServer {
  readonly url: string;
  /** Runs a program of PostgreSQL on it, as its superuser. */
  command(name: string, ...args: readonly string[]): string;
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

/** @param password asks for it; nobody is asked otherwise */
export async function startPostgres(password?: string): Promise<PostgresServer> {
  const bin = programs();
  if (bin === undefined) throw new Error(String(missingPostgres));
  const user = process.getuid?.() === 0 ? idOf(unprivileged) : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'lapel-pg-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const secret = join(folder, 'password');
  writeFileSync(secret, password ?? '');
  if (user !== undefined) chownSync(secret, user.uid, user.gid);
  const asked = password === undefined ? ['-A', 'trust'] : ['-A', 'scram-sha-256', `--pwfile=${secret}`];
  const init = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'lapel', ...asked, '-E', 'UTF8', '--locale=C', '--no-sync'],
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
    command(name, ...args) {
      const env = { ...process.env, PGHOST: folder, PGUSER: 'lapel', PGPASSWORD: password ?? '' };
      return execFileSync(join(bin, name), args, { env, encoding: 'utf8' });
    },
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
