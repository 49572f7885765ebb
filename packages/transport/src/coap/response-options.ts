/** A response of an exchange ⇄ code and options of CoAP (RFC 7252 §5.9, §5.10). */
import { bytesBody, emptyBody } from '../body.ts';
import type { Method, Response } from '../exchange.ts';
import { Problem, codeOfStatus, problemResponse } from '../problem.ts';
import { TransportError } from '../transport-error.ts';
import { classOf, codeText, responseCodes } from './code.ts';
import { coapToStatus, statusToCoap } from './coap-status.ts';
import { formatToMediaType, mediaTypeToFormat, problemFormat } from './content-format.ts';
import { entityTagToOption, optionToEntityTag } from './entity-tag.ts';
import type { Content } from './message.ts';
import type { Option } from './option.ts';
import { option, optionValue, optionValues, text, uint, uintOption } from './option.ts';
import { readConciseProblem } from './problem-details.ts';

/** Code and options without those of blocks; the body is whoever sends it's. */
export function responseToOptions(response: Response, method: Method): Omit<Content, 'payload'> {
  const { status, etag, contentType, headers, limitBytes } = response;
  const options: Option[] = [];
  if (etag !== undefined) options.push(option('etag', entityTagToOption(etag)));
  if (headers?.['location']?.startsWith('/')) {
    for (const segment of headers['location'].slice(1).split('/'))
      options.push(text('locationPath', segment));
  }
  const code = statusToCoap(status, method);
  // Every failure is told as a problem.
  const format = classOf(code) === 2 ? mediaTypeToFormat(contentType ?? 'unknown') : problemFormat;
  if (format !== undefined) options.push(uint('contentFormat', format));
  const maxAge = maxAgeOf(response);
  if (maxAge !== undefined) options.push(uint('maxAge', maxAge));
  // RFC 7959 §4: what would have been taken. Whoever can do with less need not ask again.
  if (limitBytes !== undefined && limitBytes < 2 ** 32) options.push(uint('size1', limitBytes));
  return { code, options };
}

/** §5.10.5: without the option a cache may keep it for a minute. */
const maxAgeDefault = 60;

/**
 * What HTTP says of caching and of coming again, both are Max-Age here (§5.9.3.4; RFC 8516 §3). What says
 * nothing must not be kept: a device that polls wants what is true now.
 */
function maxAgeOf({ status, headers }: Response): number | undefined {
  if (status === 'too-many-requests' || status === 'unavailable') {
    const after = headers?.['retry-after'];
    return after !== undefined && /^\d{1,9}$/.test(after) ? Number(after) : undefined;
  }
  if (status !== 'ok' && status !== 'partial' && status !== 'valid') return undefined;
  const groups = /(?:^|[ ,])max-age=(?<seconds>\d{1,9})/.exec(headers?.['cache-control'] ?? '')?.groups;
  const seconds = Number(groups?.['seconds'] ?? 0);
  return seconds === maxAgeDefault ? undefined : seconds;
}

/**
 * The response without its body, which comes in blocks.
 * @throws {TransportError} `malformed` where it is none
 */
export function contentToResponse({ code, options, payload }: Content): Omit<Response, 'body'> {
  const status = coapToStatus(code, payload.length > 0);
  if (status === undefined)
    throw new TransportError('malformed', `expected an answer, found code ${codeText(code)}`);
  const format = uintOption(options, 'contentFormat');
  const etag = optionValue(options, 'etag');
  return {
    status,
    contentType: format === undefined ? undefined : formatToMediaType(format),
    etag: etag === undefined ? undefined : optionToEntityTag(etag),
    headers: headersOf(code, status, options),
    ...limitIn(status, options),
  };
}

function headersOf(
  code: number,
  status: Response['status'],
  options: readonly Option[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  const location = optionValues(options, 'locationPath');
  if (location.length > 0)
    headers['location'] = location.map((segment) => `/${new TextDecoder().decode(segment)}`).join('');
  // §5.10.5: what says nothing of its age is fresh for a minute, where it may be kept at all.
  const isKept = code === responseCodes.content || code === responseCodes.valid;
  const maxAge = uintOption(options, 'maxAge') ?? (isKept ? maxAgeDefault : undefined);
  if (status === 'too-many-requests' || status === 'unavailable') {
    headers['retry-after'] = String(maxAge ?? maxAgeDefault);
  } else if (maxAge !== undefined) {
    headers['cache-control'] = maxAge === 0 ? 'no-cache' : `max-age=${maxAge}`;
  }
  return headers;
}

function limitIn(status: Response['status'], options: readonly Option[]): Pick<Response, 'limitBytes'> {
  const limitBytes = status === 'too-large' ? uintOption(options, 'size1') : undefined;
  return limitBytes === undefined ? {} : { limitBytes };
}

/** A failure, in the one form in which callers read it, whatever the server wrote (§5.5.2; RFC 9290). */
export function contentToFailure(content: Content): Response {
  const response = contentToResponse(content);
  const { payload } = content;
  const fallback = codeOfStatus(response.status);
  const told =
    uintOption(content.options, 'contentFormat') === problemFormat
      ? readConciseProblem(payload, fallback)
      : diagnostic(content, fallback);
  if (told === undefined) return { ...response, contentType: undefined, size: 0, body: emptyBody };
  const { status, ...document } = problemResponse(told);
  // The status that the code stands for is the exact one, where both travel under the code that came.
  const isSame = statusToCoap(status, 'GET') === content.code;
  return { ...response, ...document, status: isSame ? status : response.status };
}

/** §5.5.2: without a Content-Format, the payload of a failure is a text for people. */
function diagnostic({ options, payload }: Content, code: ReturnType<typeof codeOfStatus>) {
  if (payload.length === 0 || optionValue(options, 'contentFormat') !== undefined) return undefined;
  return new Problem(code, new TextDecoder().decode(payload));
}

export const wholeResponse = (content: Content): Response => ({
  ...contentToResponse(content),
  size: content.payload.length,
  body: content.payload.length === 0 ? emptyBody : bytesBody(content.payload),
});
