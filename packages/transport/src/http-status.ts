/**
 * Statuses of an exchange ⇄ status codes of HTTP (RFC 9110 §15; 429: RFC 6585; 507: RFC 4918 §11.5; 508: RFC
 * 5842 §7.2).
 */
import type { Status } from './exchange.ts';

const codeByStatus: Readonly<Record<Status, number>> = {
  ok: 200,
  created: 201,
  // A change that answers with content travels as 200, and arrives as `ok`: a 204 has no content.
  changed: 204,
  partial: 206,
  valid: 304,
  'bad-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  gone: 410,
  'too-large': 413,
  'unsupported-format': 415,
  'range-not-satisfiable': 416,
  unprocessable: 422,
  'too-many-requests': 429,
  'internal-error': 500,
  unavailable: 503,
  'storage-full': 507,
  'loop-detected': 508,
};

const statusByCode = new Map(Object.entries(codeByStatus).map(([status, code]) => [code, status as Status]));

export const statusToHttp = (status: Status, hasContent: boolean): number =>
  status === 'changed' && hasContent ? codeByStatus.ok : codeByStatus[status];

/**
 * §15: an unknown code means what the first of its class means. Undefined: nothing that we asked for (1xx,
 * 3xx).
 */
export function httpToStatus(code: number): Status | undefined {
  const known = statusByCode.get(code);
  if (known !== undefined) return known;
  if (code >= 200 && code < 300) return 'ok';
  if (code >= 400 && code < 500) return 'bad-request';
  // 502 and 504 speak of a server behind the one that we asked: to the one who asks, both are `unavailable`.
  if (code === 502 || code === 504) return 'unavailable';
  return code >= 500 && code < 600 ? 'internal-error' : undefined;
}
