/**
 * What is wrong with a request, told to the one who sent it: problem details after RFC 9457 (over CoAP, RFC
 * 9290). A server throws a Problem; `routes` answers with it; a client reads it back.
 */
import { bytesBody, collect } from './body.ts';
import type { Response, Status } from './exchange.ts';
import { TransportError } from './transport-error.ts';

/** The closed list of codes, and the one place that says which status each of them travels under. */
const statusByCode = {
  'bad-request': 'bad-request',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  'not-found': 'not-found',
  'method-not-allowed': 'method-not-allowed',
  conflict: 'conflict',
  'already-published': 'conflict',
  'sequence-not-higher': 'conflict',
  'too-large': 'too-large',
  'storage-full': 'storage-full',
  'loop-detected': 'loop-detected',
  'unsupported-format': 'unsupported-format',
  unprocessable: 'unprocessable',
  'range-not-satisfiable': 'range-not-satisfiable',
  'too-many-requests': 'too-many-requests',
  unavailable: 'unavailable',
  internal: 'internal-error',
} as const satisfies Record<string, Status>;

export type ProblemCode = keyof typeof statusByCode;

export class Problem extends Error {
  readonly code: ProblemCode;
  /** For the caller: what was expected and what was found. `cause` is for our own log only. */
  readonly detail: string;
  /** With `too-large`: how many bytes a body may have. */
  readonly limitBytes: number | undefined;

  constructor(code: ProblemCode, detail: string, options?: ErrorOptions & { readonly limitBytes?: number }) {
    super(detail, options);
    this.limitBytes = options?.limitBytes;
    this.name = 'Problem';
    this.code = code;
    this.detail = detail;
  }
}

export const problemMediaType = 'application/problem+json';

export function problemResponse(problem: Problem): Response {
  const status = statusByCode[problem.code];
  // RFC 9457 §4.2.1: with `about:blank` the title is that of the status; `code` is our extension member
  // (§3.2).
  const document = {
    type: 'about:blank',
    title: titleOf(status),
    detail: problem.detail,
    code: problem.code,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const response: Response = {
    status,
    contentType: problemMediaType,
    size: bytes.length,
    body: bytesBody(bytes),
  };
  return problem.limitBytes === undefined ? response : { ...response, limitBytes: problem.limitBytes };
}

/** A problem document is a few lines; whoever sends more is not describing a problem. */
const problemBytesMax = 64 * 1024;
/** Enough for expected and found; the rest would only flood a terminal. */
const detailLengthMax = 2000;

/**
 * Reads the Problem out of a response that failed, whatever server sent it. Never trusts its text to be
 * clean.
 */
export async function readProblem(response: Response): Promise<Problem> {
  const fallback = codeOfStatus(response.status);
  const mediaType = response.contentType?.split(';', 1)[0]?.trim().toLowerCase();
  const document = parseObject(await bodyText(response));
  const code = isProblemCode(document?.['code']) ? document['code'] : fallback;
  const detail = mediaType === problemMediaType ? document?.['detail'] : undefined;
  if (typeof detail !== 'string')
    return new Problem(fallback, `the answer was ${response.status}, without detail`);
  return new Problem(code, printable(detail));
}

/** A broken problem document must not hide the status that came with it. */
async function bodyText(response: Response): Promise<string> {
  try {
    return new TextDecoder().decode(await collect(response.body, problemBytesMax));
  } catch (error) {
    if (error instanceof TransportError) return '';
    throw error;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

export const isProblemCode = (value: unknown): value is ProblemCode =>
  typeof value === 'string' && Object.hasOwn(statusByCode, value);

/** The first code of the table that travels under this status is its general one. */
export function codeOfStatus(status: Status): ProblemCode {
  for (const code of Object.keys(statusByCode)) {
    if (isProblemCode(code) && statusByCode[code] === status) return code;
  }
  return status === 'gone' ? 'not-found' : 'internal';
}

/** Control characters of a foreign text could steer the terminal it is printed on. */
const printable = (text: string) => text.slice(0, detailLengthMax).replaceAll(/\p{Cc}+/gu, ' ');

const titleOf = (status: Status) => status.charAt(0).toUpperCase() + status.slice(1).replaceAll('-', ' ');
