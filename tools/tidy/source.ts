/**
 * A source file as the rules of the house see it: where it lies, its lines, what it imports, and its syntax
 * tree to walk.
 */
import { parseSync } from 'oxc-parser';

export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  /** The room it is part of, or undefined outside packages/. */
  readonly room: string | undefined;
  /** The folder within the room, or the first folder outside: src, test, bench, tools. */
  readonly part: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly program: Node;
  readonly imports: readonly Import[];
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** A node of the syntax tree; which fields it has depends on its type. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export function parse(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text);
  const [first] = errors;
  if (first !== undefined) throw new Error(`expected ${path} to be TypeScript, found ${first.message}`);
  const [top = '', room, part = ''] = path.split('/');
  const isInRoom = top === 'packages';
  const root = program as unknown as Node;
  return {
    path,
    room: isInRoom ? room : undefined,
    part: isInRoom ? part : top,
    text,
    lines: text.split('\n'),
    program: root,
    imports: [...importsOf(root, text)],
  };
}

/** Every node below and including the given one, parents first. */
export function* walk(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isNode(child)) yield* walk(child);
    }
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Static and dynamic imports, re-exports and imported types alike: each has its module in `source`. */
function* importsOf(program: Node, text: string): Generator<Import> {
  const kinds = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression'];
  for (const node of walk(program)) {
    if (!kinds.includes(node.type) && node.type !== 'TSImportType') continue;
    const { source } = node;
    if (!isNode(source) || typeof source.value !== 'string') continue;
    yield { specifier: source.value, line: lineAt(text, node.start) };
  }
}
