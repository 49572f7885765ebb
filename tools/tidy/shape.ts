/**
 * The shape of a file: its size, its prologue, its name, its words, and whether it takes time, chance and the
 * world as arguments.
 */
import { basename } from 'node:path/posix';
import { isNode, lineAt, walk, type Node, type Source, type Violation } from './source.ts';

const fileLinesMax = 300;
const lineColumnsMax = 110;
const functionLinesMax = 60;

export function tooLongFile({ path, lines }: Source): readonly Violation[] {
  // The last newline ends a line and begins none.
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count <= fileLinesMax) return [];
  return [{ path, line: count, message: `expected at most ${fileLinesMax} lines, found ${count}` }];
}

export function tooLongLine({ path, lines }: Source): readonly Violation[] {
  return lines.flatMap((text, index) => {
    const message = `expected at most ${lineColumnsMax} columns, found ${text.length}`;
    return text.length > lineColumnsMax ? [{ path, line: index + 1, message }] : [];
  });
}

const functionKinds = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/**
 * A function's own lines: those of the functions inside it are theirs, so that a maker of several short
 * functions over one state stays a maker. The body of a test may be longer: it is a story, and its suite
 * holds them all.
 */
export function tooLongFunction({ path, part, text, program }: Source): readonly Violation[] {
  if (part === 'test' || path.endsWith('.test.ts')) return [];
  const linesOf = (node: Node) => lineAt(text, node.end) - lineAt(text, node.start);
  return [...walk(program)].flatMap((node) => {
    if (!functionKinds.includes(node.type)) return [];
    const inner = innermost(node).reduce((sum, each) => sum + linesOf(each), 0);
    const count = linesOf(node) + 1 - inner;
    const message = `expected at most ${functionLinesMax} lines in a function, found ${count}`;
    return count > functionLinesMax ? [{ path, line: lineAt(text, node.start), message }] : [];
  });
}

/** The functions right inside a node, not those inside them. */
function innermost(node: Node): readonly Node[] {
  const all = [...walk(node)].filter((each) => each !== node && functionKinds.includes(each.type));
  return all.filter(
    (each) => !all.some((other) => other !== each && other.start <= each.start && each.end <= other.end),
  );
}

export function noPrologue({ path, part, text }: Source): readonly Violation[] {
  if (part !== 'src' || /^(#!.*\n)?\/\*\*\s[\s\S]*?\*\//.test(text)) return [];
  return [{ path, line: 1, message: 'expected a prologue comment that says what the file is' }];
}

/** A folder named so says nothing about what is in it. */
export function vagueName(path: string): readonly Violation[] {
  const vague = ['common', 'shared', 'utils', 'util', 'lib', 'helpers', 'helper', 'types', 'misc'];
  const names = path.split('/').map((name) => name.replace(/\.\w+$/, ''));
  const found = names.find((name) => vague.includes(name));
  return found === undefined ? [] : [{ path, line: 1, message: `the name '${found}' says nothing` }];
}

export function notKebabCase(path: string): readonly Violation[] {
  const name = basename(path);
  if (/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(name)) return [];
  return [{ path, line: 1, message: `expected a name in kebab-case, found '${name}'` }];
}

/** Words that have no place in any text of the repository, with the reason. */
const bannedWords: readonly (readonly [RegExp, string])[] = [
  [/\b(TOD[O]|FIXM[E]|XX[X])\b(?!\(#\d+\))/, 'expected what is left to do to name its issue, like (#12)'],
  [/(^|[\s"'`(=])\/(work|root|tmp|home)\//, 'a path of somebody’s machine'],
  [/\bregistry\.(npmjs|yarnpkg)\b|\b(deb|security)\.debian\.org\b/, 'the host of a package registry'],
  [/(eslint|oxlint)-disable|@ts-(ignore|nocheck)/, 'a check that is switched off'],
];

export function bannedWord(path: string, text: string): readonly Violation[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) =>
    bannedWords.flatMap(([pattern, message]) =>
      pattern.test(line) ? [{ path, line: index + 1, message }] : [],
    ),
  );
}

/** Where the clock, chance and the environment of the world may be touched; tests touch what they like. */
function mayTouchWorld({ path, room, part }: Source): boolean {
  if (room === undefined || room === 'cli' || part !== 'src') return true;
  return path.endsWith('main.ts') || path === 'packages/transport/src/system.ts';
}

const worldMembers = ['Date.now', 'performance.now', 'Math.random', 'process.env', 'process.hrtime'];
const worldFunctions = ['setTimeout', 'setInterval', 'fetch'];

export function touchesWorld(source: Source): readonly Violation[] {
  if (mayTouchWorld(source)) return [];
  const own = namesDeclaredIn(source.program);
  return [...walk(source.program)].flatMap((node) => {
    const name = worldName(node, own);
    const line = lineAt(source.text, node.start);
    const message = `${name ?? ''} is an argument: see Clock and Random of @lapel/transport`;
    return name === undefined ? [] : [{ path: source.path, line, message }];
  });
}

function worldName(node: Node, own: ReadonlySet<string>): string | undefined {
  if (node.type === 'MemberExpression') {
    const name = `${nameOf(node.object) ?? ''}.${nameOf(node.property) ?? ''}`;
    return worldMembers.includes(name) ? name : undefined;
  }
  if (node.type === 'CallExpression') {
    // A function of our own may well be called `fetch`: the specification has the word.
    const name = nameOf(node.callee) ?? '';
    return worldFunctions.includes(name) && !own.has(name) ? name : undefined;
  }
  const isNow = node.type === 'NewExpression' && nameOf(node.callee) === 'Date';
  return isNow && Array.isArray(node.arguments) && node.arguments.length === 0 ? 'new Date()' : undefined;
}

/** Names that a file imports, declares, or takes as parameters. */
function namesDeclaredIn(program: Node): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (value: unknown) => {
    if (!isNode(value)) return;
    for (const node of walk(value)) if (node.type === 'Identifier') names.add(nameOf(node) ?? '');
  };
  for (const node of walk(program)) {
    if (node.type.startsWith('Import') && node.type.endsWith('Specifier')) add(node.local);
    if (node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration') add(node.id);
    if (Array.isArray(node.params)) node.params.forEach(add);
  }
  return names;
}

/** An authentic manifest is made in one place: there is one cast to its type, and none elsewhere. */
export function forgesProof({ path, part, text, program }: Source): readonly Violation[] {
  if (path === 'packages/suit/src/authenticate.ts' || part !== 'src') return [];
  return [...walk(program)].flatMap((node) => {
    if (node.type !== 'TSAsExpression' || !isNode(node.typeAnnotation)) return [];
    if (nameOf(node.typeAnnotation.typeName) !== 'AuthenticManifest') return [];
    return [
      { path, line: lineAt(text, node.start), message: 'only authenticate.ts makes an AuthenticManifest' },
    ];
  });
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && typeof node.name === 'string' ? node.name : undefined;
}
