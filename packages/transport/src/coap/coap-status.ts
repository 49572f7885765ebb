/** Statuses of an exchange ⇄ response codes of CoAP (RFC 7252 §5.9; RFC 8075 §7 for what HTTP calls them). */
import type { Method, Status } from '../exchange.ts';
import { classOf, responseCodes as codes } from './code.ts';

const codeByStatus: Readonly<Record<Status, number>> = {
  ok: codes.content,
  created: codes.created,
  changed: codes.changed,
  // A part is a block: the Block2 option says which (RFC 7959 §2.2).
  partial: codes.content,
  valid: codes.valid,
  'bad-request': codes.badRequest,
  unauthorized: codes.unauthorized,
  forbidden: codes.forbidden,
  'not-found': codes.notFound,
  'method-not-allowed': codes.methodNotAllowed,
  conflict: codes.conflict,
  // CoAP has nothing that is gone for ever.
  gone: codes.notFound,
  'too-large': codes.requestEntityTooLarge,
  'range-not-satisfiable': codes.badRequest,
  'unsupported-format': codes.unsupportedContentFormat,
  unprocessable: codes.unprocessableEntity,
  'too-many-requests': codes.tooManyRequests,
  'internal-error': codes.internalServerError,
  unavailable: codes.serviceUnavailable,
  'storage-full': codes.internalServerError,
  'loop-detected': codes.hopLimitReached,
};

const statusByCode: ReadonlyMap<number, Status> = new Map([
  // Where two statuses share a code, it arrives as the general one; the problem in it may say more.
  ...Object.entries(codeByStatus)
    .filter(([status]) => !['partial', 'gone', 'range-not-satisfiable', 'storage-full'].includes(status))
    .map(([status, code]) => [code, status as Status] as const),
  [codes.deleted, 'changed'],
  [codes.notAcceptable, 'unsupported-format'],
  [codes.preconditionFailed, 'conflict'],
  // Of a server behind the one that we asked: to the one who asks, it is `unavailable`.
  [codes.badGateway, 'unavailable'],
  [codes.gatewayTimeout, 'unavailable'],
]);

/** §5.8: 2.05 answers a GET only; what a PUT or POST answers is the result of a change. */
export function statusToCoap(status: Status, method: Method): number {
  if (method === 'DELETE' && (status === 'ok' || status === 'changed')) return codes.deleted;
  return status === 'ok' && method !== 'GET' ? codes.changed : codeByStatus[status];
}

/** §5.9: an unknown code means what the first of its class means. Undefined: no answer. */
export function coapToStatus(code: number, hasContent: boolean): Status | undefined {
  const known = statusByCode.get(code);
  if (known === 'changed' && hasContent) return 'ok';
  if (known !== undefined) return known;
  const byClass: Readonly<Record<number, Status>> = { 2: 'ok', 4: 'bad-request', 5: 'internal-error' };
  return byClass[classOf(code)];
}
