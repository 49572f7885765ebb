/**
 * Makes the packages that others install. Node runs TypeScript nowhere inside node_modules, so they hold
 * JavaScript with its declarations, and their exports name it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { house, packedRooms, type Room } from './house.ts';

/** The paths of the tarballs in `out`/tarballs, by the package's name. */
export function packRooms(out: string): ReadonlyMap<string, string> {
  const emitted = join(out, 'emitted');
  const tarballs = join(out, 'tarballs');
  for (const folder of [emitted, tarballs]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(tarballs, { recursive: true });
  const compiler = join(house, 'node_modules/typescript/bin/tsc');
  runTool(process.execPath, [compiler, '-p', 'tsconfig.pack.json', '--outDir', emitted]);
  const folders = packedRooms().map((room) => layOut(room, emitted, join(out, room.name)));
  rmSync(emitted, { recursive: true });
  runNpm(['pack', '--loglevel=error', '--pack-destination', tarballs, ...folders]);
  return new Map(
    packedRooms().map(({ manifest: { name, version } }) => {
      const file = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
      return [name, join(tarballs, file)];
    }),
  );
}

/** Lays out one package as it will be installed, and gives its folder. */
function layOut({ name, manifest }: Room, emitted: string, folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(emitted, name), folder, { recursive: true });
  const source = join(house, 'packages', name);
  for (const part of manifest.files)
    cpSync(join(source, part), join(folder, part), { recursive: true, filter });
  for (const file of ['README.md', 'LICENSE']) {
    const path = [join(source, file), join(house, file)].find((candidate) => existsSync(candidate));
    if (path !== undefined) cpSync(path, join(folder, file));
  }
  for (const path of globSync('src/**/*.{js,d.ts}', { cwd: folder })) nameEmittedFiles(join(folder, path));
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([key, path]) => {
      const entry = path.replace(/\.ts$/, '');
      const target = { types: `${entry}.d.ts`, default: `${entry}.js` };
      for (const file of Object.values(target)) {
        if (!existsSync(join(folder, file)))
          throw new Error(`expected ${name} to export ${file}, found no such file`);
      }
      return [key, target];
    }),
  );
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`);
  return folder;
}

/** What the compiler makes is there already: of the rest of a folder all is taken but its TypeScript. */
function filter(path: string): boolean {
  return !path.endsWith('.ts');
}

/** The compiler renames imports in JavaScript only: declarations, and URLs of workers, are left to us. */
function nameEmittedFiles(path: string): void {
  const text = readFileSync(path, 'utf8');
  const renamed = text.replace(/(from |import\(|new URL\()(['"])(\.{1,2}\/[^'"\n]*)\.ts\2/g, '$1$2$3.js$2');
  if (renamed !== text) writeFileSync(path, renamed);
}

/** npm, run by this same Node where npm itself says where it is. */
export function runNpm(args: readonly string[], cwd: string = house): string {
  const npm = process.env.npm_execpath;
  return npm === undefined ? runTool('npm', args, cwd) : runTool(process.execPath, [npm, ...args], cwd);
}

/** Runs a tool to its end and gives its output; that it failed is an error that tells why. */
export function runTool(command: string, args: readonly string[], cwd: string = house): string {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
  if (result.status === 0) return result.stdout;
  const reason = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  throw new Error(`expected '${[command, ...args].join(' ')}' to succeed, found:\n${reason}`);
}
