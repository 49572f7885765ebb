/**
 * The request target of HTTP (RFC 9112 §3.2.1) ⇄ path and query of an exchange. A path that could mean one
 * thing to us and another to a file system or to a proxy before us is refused rather than repaired.
 */
import { Problem } from './problem.ts';

/** Our longest resource is a digest in hex below a short prefix; identifiers of devices may be longer. */
const targetLengthMax = 2048;
const queryParametersMax = 32;

/** Nothing to decode, no dot segment, no empty segment: what devices ask for all day long. */
const plainPath = /^(?:\/|(?:\/[\w~-][\w.~-]*)+)$/;

const noQuery: ReadonlyMap<string, string> = new Map();

/** @throws {Problem} `bad-request` */
export function parseTarget(target: string): { path: string; query: ReadonlyMap<string, string> } {
  if (target.length > targetLengthMax) {
    throw new Problem(
      'bad-request',
      `expected a target of at most ${targetLengthMax} bytes, found ${target.length}`,
    );
  }
  if (plainPath.test(target)) return { path: target, query: noQuery };
  const question = target.indexOf('?');
  if (question < 0) return { path: decodePath(target), query: noQuery };
  return { path: decodePath(target.slice(0, question)), query: parseQuery(target.slice(question + 1)) };
}

/** Encodes segment by segment, so that nothing in the path can end it or begin a query. */
export function formatTarget(path: string, query: ReadonlyMap<string, string>): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return query.size === 0 ? encoded : `${encoded}?${new URLSearchParams([...query]).toString()}`;
}

function decodePath(encoded: string): string {
  if (!encoded.startsWith('/')) throw refused('a leading slash');
  // An encoded slash would become a border of segments that a proxy before us has not seen.
  if (/%2f/i.test(encoded)) throw refused('no encoded slash');
  return soundPath(decode(encoded));
}

/** A path as every binding takes it. @throws {Problem} `bad-request` */
export function soundPath(path: string): string {
  if (/[\p{Cc}\\]/u.test(path)) throw refused('no control character and no backslash');
  const segments = path.slice(1).split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) throw refused('no dot segment');
  if (path !== '/' && segments.includes('')) throw refused('no empty segment');
  return path;
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (error) {
    if (error instanceof URIError) throw refused('percent-encoded UTF-8', error);
    throw error;
  }
}

const parseQuery = (text: string): ReadonlyMap<string, string> => soundQuery(new URLSearchParams(text));

/** A query as every binding takes it. @throws {Problem} `bad-request` */
export function soundQuery(pairs: Iterable<readonly [string, string]>): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of pairs) {
    // Two values for one name are read differently by everyone who reads only one of them.
    if (query.has(name))
      throw new Problem('bad-request', 'expected each query parameter once, found one twice');
    if (query.size >= queryParametersMax) {
      throw new Problem('bad-request', `expected at most ${queryParametersMax} query parameters, found more`);
    }
    query.set(name, value);
  }
  return query;
}

const refused = (expected: string, cause?: unknown) =>
  new Problem('bad-request', `expected a path with ${expected}, found another`, { cause });
