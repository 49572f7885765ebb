/**
 * A description's text as values that know the line they stand on. YAML 1.2 holds JSON, so one reader
 * serves both. Aliases and tags are refused: a description is to be read by people, and a few bytes
 * must not grow into gigabytes.
 */

import { LineCounter, Scalar, isMap, isNode, isScalar, isSeq, parseDocument, visit } from 'yaml';
import { nearest } from './nearest.ts';

/** The description can't be used as it is; `message` begins with its file and line. */
export class DescriptionError extends Error {
  override readonly name = 'DescriptionError';
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.file = file;
    this.line = line;
  }
}

export interface Located {
  readonly node: unknown;
  /** What it is called in messages: the key that it stands behind. */
  readonly name: string;
  readonly line: number;
  readonly source: { readonly file: string; readonly lines: LineCounter };
}

const documentLengthMax = 256 * 1024;

/** @throws {DescriptionError} where the text is neither YAML nor JSON. */
export function locate(text: string, file: string): Located {
  if (text.length > documentLengthMax) {
    throw new DescriptionError(
      file,
      1,
      `expected at most ${documentLengthMax} characters, found ${text.length}`,
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    throw new DescriptionError(
      file,
      line,
      `expected YAML or JSON, found a mistake in it: ${problem.message}`,
    );
  }
  return { node: document.contents, name: 'a description', line: 1, source: { file, lines } };
}

export const refusal = ({ source, line }: Located, message: string): DescriptionError =>
  new DescriptionError(source.file, line, message);

/**
 * The values of a map by key. @throws {DescriptionError} where a key is not in `known`, naming the
 * nearest that is.
 */
export function fieldsOf<const K extends string>(
  located: Located,
  known: readonly K[],
): { readonly [Key in K]?: Located } {
  const { node, name, source } = located;
  if (!isMap(node)) throw refusal(located, `expected ${name} to be a map of keys, found ${kindOf(node)}`);
  const fields: { [Key in K]?: Located } = {};
  for (const { key, value } of node.items) {
    const word = isScalar(key) ? String(key.value) : '';
    const line = lineOf(key, source.lines) ?? located.line;
    const field: Located = { node: value, name: word, line, source };
    const match = known.find((each) => each === word);
    if (match === undefined) throw refusal(field, unknownKey(word, name, known));
    fields[match] = field;
  }
  return fields;
}

/** All pairs of a map whose keys the author chooses: the place of each key, and that of what is behind it. */
export function pairsOf(located: Located, max: number): readonly (readonly [Located, Located])[] {
  const { node, name, source } = located;
  if (!isMap(node)) throw refusal(located, `expected ${name} to be a map of keys, found ${kindOf(node)}`);
  if (node.items.length > max)
    throw refusal(located, `expected at most ${max} keys, found ${node.items.length}`);
  return node.items.map(({ key, value }) => {
    const word = isScalar(key) ? String(key.value) : '';
    const line = lineOf(key, source.lines) ?? located.line;
    return [
      { node: key, name: `each key of ${name}`, line, source },
      { node: value, name: word, line, source },
    ];
  });
}

export function itemsOf(located: Located, { min, max }: { min: number; max: number }): readonly Located[] {
  const { node, name, source } = located;
  if (!isSeq(node)) throw refusal(located, `expected ${name} to be a list, found ${kindOf(node)}`);
  const count = node.items.length;
  if (count < min || count > max)
    throw refusal(located, `expected ${min} to ${max} items in ${name}, found ${count}`);
  return node.items.map((item) => ({
    node: item,
    name: `each of ${name}`,
    line: lineOf(item, source.lines) ?? located.line,
    source,
  }));
}

export const isFields = ({ node }: Located): boolean => isMap(node);
export const isList = ({ node }: Located): boolean => isSeq(node);
export const isNumber = ({ node }: Located): boolean => isScalar(node) && typeof node.value === 'number';

export const isText = ({ node }: Located): boolean => isScalar(node) && typeof node.value === 'string';

/** A number as the text that it was written as. */
export function asWritten(located: Located): Located {
  const { node } = located;
  if (!isScalar(node) || typeof node.value !== 'number') return located;
  return { ...located, node: new Scalar(node.source ?? '') };
}

/** A text as it was written: `1.10` and `007` are texts too, where one is expected. */
export function textOf(located: Located, max: number): string {
  const { node, name } = located;
  const value = isScalar(node) ? (typeof node.value === 'string' ? node.value : node.source) : undefined;
  if (value === undefined || value === '' || (isScalar(node) && node.value === null)) {
    throw refusal(located, `expected ${name} to be a text, found ${kindOf(node)}`);
  }
  if (value.length > max)
    throw refusal(located, `expected ${name} of at most ${max} characters, found ${value.length}`);
  return value;
}

export function uintOf(located: Located): number {
  const { node, name } = located;
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw refusal(located, `expected ${name} to be a whole number from 0, found ${kindOf(node)}`);
}

export function intOf(located: Located): number {
  const { node, name } = located;
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw refusal(located, `expected ${name} to be a whole number, found ${kindOf(node)}`);
}

export function boolOf(located: Located): boolean {
  const { node, name } = located;
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'boolean') return value;
  throw refusal(located, `expected ${name} to be true or false, found ${kindOf(node)}`);
}

/** The line on which a description has this text as a value; undefined where it has it nowhere. */
export function lineOfText(text: string, value: string): number | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true });
  let line: number | undefined;
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || node.value !== value) return undefined;
      line = lineOf(node, lines);
      return visit.BREAK;
    },
  });
  return line;
}

/** What stands there, for messages. */
function kindOf(node: unknown): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node)) return node === null ? 'nothing' : 'an alias';
  if (node.value === null || node.value === '') return 'nothing';
  return JSON.stringify(node.value).slice(0, 60);
}

function unknownKey(word: string, name: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  const mend = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `expected a key that ${name} has, found ${JSON.stringify(word)}; ${mend}`;
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const start = isNode(node) ? node.range?.[0] : undefined;
  return start === undefined ? undefined : lines.linePos(start).line;
}
