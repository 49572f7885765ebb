/**
 * Reads the text of a query: `class == "lamp" and version < "1.4.0" and tag.site in ("berlin", "paris")`.
 * It comes from people and from the network, so text, depth and size are bounded, and every refusal says
 * where, what was expected and what was found.
 */
import type { Comparison, Literal, Query } from './query.ts';
import { attributeKinds, comparisonNames, kindOf } from './query.ts';
import { readVersion } from './version-order.ts';

/** What a campaign with its other fields leaves room for in a message. */
export const queryTextMax = 1_024;
/** A reader recurses; nobody writes deeper. */
const depthMax = 16;
const nodesMax = 64;
const literalsMax = 64;

export class QueryError extends Error {
  /** Characters before it. */
  readonly position: number;

  constructor(position: number, detail: string) {
    super(`at character ${position + 1}: ${detail}`);
    this.name = 'QueryError';
    this.position = position;
  }
}

interface Token {
  readonly text: string;
  readonly position: number;
  readonly kind: 'word' | 'number' | 'string' | 'sign' | 'end';
}

/** @throws {QueryError} */
export function readQuery(text: string): Query {
  if (text.length > queryTextMax) {
    throw new QueryError(queryTextMax, `expected at most ${queryTextMax} characters, found ${text.length}`);
  }
  const reader = new QueryReader(tokensOf(text));
  const query = reader.either(0);
  reader.expectEnd();
  return query;
}

const tokenForm =
  /\s*(?:([A-Za-z][A-Za-z0-9_.-]*)|(\d+)|"((?:[^"\\\n]|\\["\\])*)"|(==|!=|<=|>=|<|>|\(|\)|,))/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const form = new RegExp(tokenForm);
  const end = text.trimEnd().length;
  while (form.lastIndex < end) {
    const from = form.lastIndex;
    const position = from + (text.slice(from).length - text.slice(from).trimStart().length);
    const [, word, number, string, sign] = form.exec(text) ?? [];
    if (word !== undefined) tokens.push({ kind: 'word', text: word, position });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, position });
    else if (string !== undefined) {
      tokens.push({ kind: 'string', text: string.replaceAll(/\\(.)/g, '$1'), position });
    } else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, position });
    else throw new QueryError(position, unreadable(text.slice(position)));
  }
  return [...tokens, { kind: 'end', text: '', position: text.length }];
}

function unreadable(rest: string): string {
  if (rest.startsWith('"')) return 'expected a closing quotation mark, found the end';
  if (rest.startsWith("'")) return `expected text in "double" quotation marks, found '`;
  if (rest.startsWith('=')) return 'expected ==, found a single =';
  return `expected an attribute, a text or a comparison, found ${JSON.stringify(rest.slice(0, 1))}`;
}

class QueryReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  either(depth: number): Query {
    return this.#joined('or', () => this.#joined('and', () => this.#unary(depth)));
  }

  expectEnd(): void {
    const { kind, position } = this.#next;
    if (kind !== 'end') throw new QueryError(position, `expected and, or, or the end, found ${this.#found}`);
  }

  #joined(kind: 'and' | 'or', part: () => Query): Query {
    const parts = [part()];
    while (this.#take(kind)) parts.push(part());
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    // What is joined in the same way is one list: a query has one text.
    return this.#counted({
      kind,
      parts: parts.flatMap((each) => (each.kind === kind ? each.parts : [each])),
    });
  }

  #unary(depth: number): Query {
    const { position } = this.#next;
    if (depth >= depthMax) throw new QueryError(position, `expected at most ${depthMax} levels, found more`);
    if (this.#take('not')) return this.#counted({ kind: 'not', part: this.#unary(depth + 1) });
    if (this.#take('(')) {
      const query = this.either(depth + 1);
      this.#expect(')');
      return query;
    }
    if (this.#take('exists')) return this.#counted({ kind: 'exists', attribute: this.#attribute() });
    return this.#comparison();
  }

  #comparison(): Query {
    const attribute = this.#attribute();
    const isNegated = this.#take('not');
    if (isNegated || this.#next.text === 'in') {
      this.#expect('in');
      const query = this.#counted({ kind: 'in', attribute, literals: this.#literals(attribute) });
      return isNegated ? this.#counted({ kind: 'not', part: query }) : query;
    }
    const { position, kind, text } = this.#next;
    const comparison = comparisonNames.find((name) => kind === 'sign' && name === text);
    if (comparison === undefined) {
      throw new QueryError(position, `expected ${comparisonNames.join(', ')} or in, found ${this.#found}`);
    }
    this.#at += 1;
    requireOrder(attribute, comparison, position);
    return this.#counted({ kind: 'compare', attribute, comparison, literal: this.#literal(attribute) });
  }

  #attribute(): string {
    const { kind, text, position } = this.#next;
    if (kind === 'word' && kindOf(text) !== undefined) {
      this.#at += 1;
      return text;
    }
    const known = [...Object.keys(attributeKinds), 'tag.NAME'].join(', ');
    throw new QueryError(position, `expected an attribute (${known}), found ${this.#found}`);
  }

  #literals(attribute: string): readonly Literal[] {
    this.#expect('(');
    const literals = [this.#literal(attribute)];
    while (this.#take(',')) literals.push(this.#literal(attribute));
    if (literals.length > literalsMax) {
      const { position } = this.#next;
      throw new QueryError(position, `expected at most ${literalsMax} in a list, found ${literals.length}`);
    }
    this.#expect(')');
    return literals;
  }

  #literal(attribute: string): Literal {
    const { kind, text, position } = this.#next;
    const wanted = kindOf(attribute);
    if (wanted === 'number') {
      const value = Number(text);
      if (kind !== 'number' || !Number.isSafeInteger(value)) {
        throw new QueryError(position, `expected a whole number for ${attribute}, found ${this.#found}`);
      }
      this.#at += 1;
      return value;
    }
    if (kind !== 'string') {
      throw new QueryError(position, `expected a "text" for ${attribute}, found ${this.#found}`);
    }
    if (wanted === 'version' && readVersion(text) === undefined) {
      throw new QueryError(position, `expected a version such as "1.4.0", found ${this.#found}`);
    }
    this.#at += 1;
    return text;
  }

  #counted(query: Query): Query {
    this.#nodes += 1;
    if (this.#nodes > nodesMax) {
      throw new QueryError(this.#next.position, `expected at most ${nodesMax} conditions, found more`);
    }
    return query;
  }

  #take(text: string): boolean {
    const isThere = this.#next.kind !== 'string' && this.#next.text === text;
    if (isThere) this.#at += 1;
    return isThere;
  }

  #expect(text: string): void {
    if (!this.#take(text))
      throw new QueryError(this.#next.position, `expected ${text}, found ${this.#found}`);
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', position: 0 };
  }

  get #found(): string {
    const { kind, text } = this.#next;
    if (kind === 'end') return 'the end';
    return kind === 'string' ? JSON.stringify(text) : text;
  }
}

/** Names have no order; that "lamp" is below "plug" means nothing. */
function requireOrder(attribute: string, comparison: Comparison, position: number): void {
  if (kindOf(attribute) !== 'text' || comparison === '==' || comparison === '!=') return;
  throw new QueryError(position, `expected == or != for ${attribute}, which is text, found ${comparison}`);
}
