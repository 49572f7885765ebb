/**
 * From a table of resources to one Handler. The table reads like the one in the documents:
 * `routes({ 'GET /payloads/{digest}': readPayload, … })`. Every failure becomes an answer here, once.
 */
import type { Handler, Method, Request, Response } from './exchange.ts';
import { Problem, problemResponse } from './problem.ts';
import { TransportError } from './transport-error.ts';

export type RouteParameters = Readonly<Record<string, string>>;
export type RouteHandler = (request: Request, parameters: RouteParameters) => Promise<Response>;

export interface RoutesOptions {
  /**
   * Is given every error that is neither a Problem nor the network's: a mistake of ours, to be logged or to
   * crash.
   */
  readonly onBug: (error: unknown) => void;
}

/**
 * A literal segment wins over a parameter, and the search never goes back: its cost is one step per
 * segment.
 */
export function routes(table: Readonly<Record<string, RouteHandler>>, { onBug }: RoutesOptions): Handler {
  const root = newNode();
  for (const [pattern, handler] of Object.entries(table)) addRoute(root, pattern, handler);
  return async (request) => {
    try {
      const found = find(root, request.path);
      if (found === undefined) throw new Problem('not-found', 'nothing is found under this path');
      const handler = found.node.handlers.get(request.method);
      if (handler === undefined) return methodNotAllowed(request.method, found.node);
      return await handler(request, found.parameters);
    } catch (error) {
      return problemResponse(asProblem(error, request, onBug));
    }
  };
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter?: { readonly name: string; readonly node: Node };
  readonly handlers: Map<Method, RouteHandler>;
}

const newNode = (): Node => ({ literals: new Map(), handlers: new Map() });

function addRoute(root: Node, pattern: string, handler: RouteHandler): void {
  const [method, path, ...rest] = pattern.split(' ');
  if (!isMethod(method) || path === undefined || !path.startsWith('/') || rest.length > 0) {
    throw new TypeError(`expected a route such as 'GET /payloads/{digest}', found '${pattern}'`);
  }
  let node = root;
  for (const segment of path.slice(1).split('/')) node = childFor(node, segment, pattern);
  node.handlers.set(method, handler);
}

function childFor(node: Node, segment: string, pattern: string): Node {
  const name = /^\{(?<name>\w+)\}$/.exec(segment)?.groups?.['name'];
  if (name === undefined) {
    const child = node.literals.get(segment) ?? newNode();
    node.literals.set(segment, child);
    return child;
  }
  node.parameter ??= { name, node: newNode() };
  if (node.parameter.name !== name) {
    throw new TypeError(`expected the name {${node.parameter.name}} in '${pattern}', found {${name}}`);
  }
  return node.parameter.node;
}

function find(root: Node, path: string): { node: Node; parameters: RouteParameters } | undefined {
  const parameters: Record<string, string> = {};
  let node = root;
  for (const segment of path.slice(1).split('/')) {
    const literal = node.literals.get(segment);
    if (literal !== undefined) node = literal;
    else if (node.parameter === undefined || segment === '') return undefined;
    else {
      parameters[node.parameter.name] = segment;
      node = node.parameter.node;
    }
  }
  return node.handlers.size === 0 ? undefined : { node, parameters };
}

/** RFC 9110 §15.5.6: the answer names the methods that there are. */
function methodNotAllowed(method: Method, node: Node): Response {
  const allow = [...node.handlers.keys()].join(', ');
  const response = problemResponse(new Problem('method-not-allowed', `expected ${allow}, found ${method}`));
  return { ...response, headers: { allow } };
}

function asProblem(error: unknown, request: Request, onBug: (error: unknown) => void): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TransportError) {
    // The body of this very request broke a limit, or a server behind us failed: neither is a mistake of
    // ours.
    if (error.kind === 'malformed') return new Problem('bad-request', error.message, { cause: error });
    return new Problem('unavailable', 'a server behind this one gave no answer', { cause: error });
  }
  if (request.signal.aborted && error === request.signal.reason) {
    return new Problem('bad-request', 'the request was given up by its sender', { cause: error });
  }
  onBug(error);
  return new Problem('internal', 'the server failed; its log says why', { cause: error });
}

const isMethod = (text: string | undefined): text is Method =>
  text === 'GET' || text === 'PUT' || text === 'POST' || text === 'DELETE';
