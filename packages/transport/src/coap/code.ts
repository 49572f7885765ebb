/** Codes of CoAP messages (RFC 7252 §12.1), as one byte: three bits of class, five of detail. */
import type { Method } from '../exchange.ts';

/** The byte of a code that people write as `4.04`. */
export const code = (kind: number, detail: number): number => (kind << 5) | detail;

export const empty = 0;

export const methodCodes: Readonly<Record<Method, number>> = { GET: 1, POST: 2, PUT: 3, DELETE: 4 };

const methods = new Map(Object.entries(methodCodes).map(([method, byte]) => [byte, method as Method]));

/** Undefined: a method that nobody here speaks. */
export const methodOf = (byte: number): Method | undefined => methods.get(byte);

/**
 * §12.1.2, and what was registered since: RFC 7959 (2.31, 4.08), 8132 (4.09, 4.22), 8516 (4.29), 8768
 * (5.08).
 */
export const responseCodes = {
  created: code(2, 1),
  deleted: code(2, 2),
  valid: code(2, 3),
  changed: code(2, 4),
  content: code(2, 5),
  continue: code(2, 31),
  badRequest: code(4, 0),
  unauthorized: code(4, 1),
  badOption: code(4, 2),
  forbidden: code(4, 3),
  notFound: code(4, 4),
  methodNotAllowed: code(4, 5),
  notAcceptable: code(4, 6),
  requestEntityIncomplete: code(4, 8),
  conflict: code(4, 9),
  preconditionFailed: code(4, 12),
  requestEntityTooLarge: code(4, 13),
  unsupportedContentFormat: code(4, 15),
  unprocessableEntity: code(4, 22),
  tooManyRequests: code(4, 29),
  internalServerError: code(5, 0),
  notImplemented: code(5, 1),
  badGateway: code(5, 2),
  serviceUnavailable: code(5, 3),
  gatewayTimeout: code(5, 4),
  proxyingNotSupported: code(5, 5),
  hopLimitReached: code(5, 8),
} as const;

export const classOf = (byte: number): number => byte >>> 5;

export const isRequest = (byte: number): boolean => byte !== empty && classOf(byte) === 0;

/** §12.1: 2, 4 and 5 are responses; 1, 6 and 7 are reserved, and 3 is nobody's. 7 is TCP's (RFC 8323 §5). */
export const isResponse = (byte: number): boolean => [2, 4, 5].includes(classOf(byte));

/** As people write it. */
export const codeText = (byte: number): string => `${classOf(byte)}.${String(byte & 0x1f).padStart(2, '0')}`;
