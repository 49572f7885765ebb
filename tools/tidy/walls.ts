/**
 * The walls between the rooms and within them: who may import whom. A type counts as much as a value,
 * because a reader must follow it all the same.
 */
import { dirname, join, normalize } from 'node:path/posix';
import type { Room } from '../house.ts';
import type { Import, Source, Violation } from './source.ts';

export type Table = Readonly<Record<string, readonly string[]>>;

/** A room imports only what the table allows, and itself. */
export function outsideTable(sources: readonly Source[], table: Table): readonly Violation[] {
  return eachImport(sources, 'src', ({ room }, { specifier }) => {
    const target = roomEntry(specifier);
    if (room === undefined || target === undefined) return undefined;
    const allowed = table[room];
    if (allowed === undefined) return `the room ${room} is not in the table`;
    const [targetRoom = ''] = target.split('/');
    if (targetRoom === room || [target, targetRoom].some((name) => allowed.includes(name))) return undefined;
    // The simulator may import all but the command that composes it, and only that command imports it.
    const isOpen = allowed.includes('*') && (room === 'cli' || targetRoom !== 'cli');
    return isOpen ? undefined : `${room} may not import ${target}`;
  });
}

/** Another package is entered by its name and its exports, never by a path. */
export function pastFrontDoor(sources: readonly Source[], rooms: readonly Room[]): readonly Violation[] {
  const entries = new Set(
    rooms.flatMap(({ manifest }) => Object.keys(manifest.exports).map((key) => join(manifest.name, key))),
  );
  return eachImport(sources, undefined, (source, { specifier }) => {
    if (roomEntry(specifier) !== undefined) {
      return entries.has(specifier) ? undefined : `${specifier} is not among the package's exports`;
    }
    const path = relativeTarget(source, specifier);
    if (path === undefined || source.room === undefined) return undefined;
    const home = `packages/${source.room}/`;
    if (source.part === 'src') {
      return path.startsWith(`${home}src/`) ? undefined : `${specifier} leaves the package's src`;
    }
    // Tests and figures may use the tools, and their own room.
    const isNear = path.startsWith(home) || path.startsWith('tools/');
    return isNear ? undefined : `${specifier} leaves the package`;
  });
}

/** Every package a room imports is declared in its package.json: it must work when installed alone. */
export function undeclared(sources: readonly Source[], rooms: readonly Room[]): readonly Violation[] {
  const declared = new Map(
    rooms.map(({ name, manifest }) => [
      name,
      new Set([
        manifest.name,
        ...Object.keys({
          ...manifest.dependencies,
          ...manifest.peerDependencies,
          ...manifest.optionalDependencies,
        }),
      ]),
    ]),
  );
  return eachImport(sources, 'src', ({ room = '' }, { specifier }) => {
    if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    return declared.get(room)?.has(name) ? undefined : `${name} is not in the dependencies of ${room}`;
  });
}

/** Files whose path matches import nothing that the predicate refuses. */
export function forbidden(
  sources: readonly Source[],
  where: (path: string) => boolean,
  isForbidden: (target: string) => boolean,
): readonly Violation[] {
  return eachImport(
    sources.filter(({ path }) => where(path)),
    'src',
    (source, { specifier }) => {
      const target = relativeTarget(source, specifier) ?? specifier;
      return isForbidden(target) ? `may not import ${specifier}` : undefined;
    },
  );
}

/** No file can be reached from itself by following imports, through the packages' exports too. */
export function circles(sources: readonly Source[], rooms: readonly Room[]): readonly Violation[] {
  const entryPaths = new Map(
    rooms.flatMap(({ name, manifest }) =>
      Object.entries(manifest.exports).map(([key, path]): [string, string] => [
        join(manifest.name, key),
        join('packages', name, path),
      ]),
    ),
  );
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const finished = new Set<string>();
  const found: Violation[] = [];
  const visit = (source: Source, trail: readonly string[]): void => {
    for (const { specifier, line } of source.imports) {
      const path = relativeTarget(source, specifier) ?? entryPaths.get(specifier);
      const next = path === undefined ? undefined : byPath.get(path);
      if (next === undefined || finished.has(next.path)) continue;
      const at = trail.indexOf(next.path);
      if (at < 0) visit(next, [...trail, next.path]);
      else
        found.push({
          path: source.path,
          line,
          message: `a circle: ${[...trail.slice(at), next.path].join(' → ')}`,
        });
    }
    finished.add(source.path);
  };
  for (const source of sources) if (!finished.has(source.path)) visit(source, [source.path]);
  return found;
}

/** `@lapel/status-tracker/client` → `status-tracker/client`. */
function roomEntry(specifier: string): string | undefined {
  if (specifier === 'lapel' || specifier.startsWith('lapel/')) return specifier.replace('lapel', 'cli');
  return specifier.startsWith('@lapel/') ? specifier.slice('@lapel/'.length) : undefined;
}

function relativeTarget(source: Source, specifier: string): string | undefined {
  return specifier.startsWith('.') ? normalize(join(dirname(source.path), specifier)) : undefined;
}

function eachImport(
  sources: readonly Source[],
  part: string | undefined,
  judge: (source: Source, imported: Import) => string | undefined,
): readonly Violation[] {
  const found: Violation[] = [];
  for (const source of sources) {
    if (part !== undefined && (source.part !== part || source.room === undefined)) continue;
    for (const imported of source.imports) {
      const message = judge(source, imported);
      if (message !== undefined) found.push({ path: source.path, line: imported.line, message });
    }
  }
  return found;
}
