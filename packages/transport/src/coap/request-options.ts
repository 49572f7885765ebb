/**
 * A request of an exchange ⇄ the options of CoAP (RFC 7252 §5.10, §6). A bearer token is a parameter of the
 * query: CoAP has no option for one, and RFC 6750 §2.3 gives the name. OSCORE hides it as it hides the path.
 */
import type { Body, Method, Request } from '../exchange.ts';
import { soundPath, soundQuery } from '../http-target.ts';
import { Problem } from '../problem.ts';
import { formatToMediaType, mediaTypeToFormat } from './content-format.ts';
import { entityTagToOption, optionToEntityTag } from './entity-tag.ts';
import { hopLimitFrom, hopLimitTo } from './hop-limit.ts';
import type { Option } from './option.ts';
import {
  isNoCacheKey,
  option,
  optionTable,
  optionValue,
  optionValues,
  text,
  uint,
  uintOption,
} from './option.ts';

const tokenParameter = 'access_token';
/** What HTTP has as a field (RFC 8586): the gateways that a request has come through. */
const loopParameter = 'cdn_loop';

/** @throws {RangeError} where a segment or parameter is longer than an option may be */
export function requestToOptions(request: Request): Option[] {
  const { method, path, query, headers, ifNoneMatch } = request;
  const options: Option[] = [];
  // §5.10.6.2: only what is retrieved can be told to be the same still.
  if (ifNoneMatch !== undefined && method === 'GET')
    options.push(option('etag', entityTagToOption(ifNoneMatch)));
  if (path !== '/') for (const segment of path.slice(1).split('/')) options.push(short('uriPath', segment));
  const format = formatOf(headers['content-type']);
  if (format !== undefined) options.push(uint('contentFormat', format));
  const token = /^bearer +(?<token>.+)$/i.exec(headers['authorization'] ?? '')?.groups?.['token'];
  if (token !== undefined) options.push(short('uriQuery', `${tokenParameter}=${token}`));
  const trail = headers['cdn-loop'];
  if (trail !== undefined) options.push(short('uriQuery', `${loopParameter}=${trail.replaceAll(' ', '')}`));
  for (const [name, value] of query) options.push(short('uriQuery', `${name}=${value}`));
  const accept = formatOf(headers['accept']);
  if (accept !== undefined) options.push(uint('accept', accept));
  return [...options, ...hopLimitFrom(request)];
}

const formatOf = (mediaType: string | undefined): number | undefined =>
  mediaType === undefined ? undefined : mediaTypeToFormat(mediaType);

const valueBytesMax = 255;

function short(name: 'uriPath' | 'uriQuery', value: string): Option {
  const made = text(name, value);
  if (made.value.length <= valueBytesMax) return made;
  throw new RangeError(`expected ${name} of at most ${valueBytesMax} bytes, found ${made.value.length}`);
}

/** What of a request is in its options; body, identity and signal are the carrier's. */
export type Target = Pick<Request, 'path' | 'query' | 'headers'> & {
  readonly accept: number | undefined;
  /** Of the copies that the client has. */
  readonly tags: readonly string[];
};

/** @throws {Problem} `bad-request` */
export function optionsToTarget(options: readonly Option[]): Target {
  const segments = optionValues(options, 'uriPath').map(decoded);
  // A slash inside would become a border of segments that nobody has seen before.
  if (segments.some((segment) => segment.includes('/')))
    throw new Problem('bad-request', 'expected a path with no slash inside a segment, found one');
  const pairs = optionValues(options, 'uriQuery').map((value) => pairOf(decoded(value)));
  const token = pairs.find(([name]) => name === tokenParameter)?.[1];
  const trail = pairs.find(([name]) => name === loopParameter)?.[1];
  const format = uintOption(options, 'contentFormat');
  const mediaType = format === undefined ? undefined : formatToMediaType(format);
  const accept = uintOption(options, 'accept');
  const wanted = accept === undefined ? undefined : formatToMediaType(accept);
  if (format !== undefined && mediaType === undefined)
    throw new Problem('unsupported-format', `expected a Content-Format that is known, found ${format}`);
  return {
    path: soundPath(`/${segments.join('/')}`),
    query: pairs.length === 0 ? noQuery : soundQuery(pairs.filter(([name]) => !ownParameters.has(name))),
    headers: {
      ...(mediaType === undefined ? {} : { 'content-type': mediaType }),
      ...(wanted === undefined ? {} : { accept: wanted }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(trail === undefined ? {} : { 'cdn-loop': trail }),
      ...hopLimitTo(options),
    },
    accept,
    tags: optionValues(options, 'etag').map(optionToEntityTag),
  };
}

const ownParameters: ReadonlySet<string> = new Set([tokenParameter, loopParameter]);
const noQuery: ReadonlyMap<string, string> = new Map();

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decoded(value: Uint8Array): string {
  try {
    return utf8.decode(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Problem('bad-request', 'expected UTF-8 in path and query, found other bytes', { cause: error });
  }
}

function pairOf(parameter: string): readonly [string, string] {
  const at = parameter.indexOf('=');
  return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)];
}

/** The request that a Handler serves. */
export function targetToRequest(
  method: Method,
  target: Target,
  given: Pick<Request, 'peer' | 'sender' | 'signal' | 'ifNoneMatch' | 'range'> & {
    readonly body: Body;
    readonly size: number | undefined;
  },
): Request {
  const { size, ...rest } = given;
  const { path, query } = target;
  const headers = size === undefined ? target.headers : { ...target.headers, 'content-length': String(size) };
  return { method, path, query, headers, ...rest };
}

/** Parts of one body and of no other share it: who asks, and all that could tell two requests apart. */
export function operationKey(sender: string, code: number, options: readonly Option[]): string {
  let key = `${sender} ${code}`;
  for (const { number, value } of options) {
    // RFC 9175 §3.3: all but the block options, and what is no part of the cache key.
    if (apart.has(number) || isNoCacheKey(number)) continue;
    key += ` ${number}:${Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')}`;
  }
  return key;
}

const apart: ReadonlySet<number> = new Set(
  (['observe', 'qBlock1', 'block2', 'block1', 'qBlock2', 'echo'] as const).map(
    (name) => optionTable[name].number,
  ),
);

/** Whether the client would take an answer of this format (§5.10.4). */
export const isAcceptable = (accept: number | undefined, contentType: string | undefined): boolean =>
  accept === undefined || contentType === undefined || mediaTypeToFormat(contentType) === accept;

/** A response's entity tag. */
export const tagOf = (options: readonly Option[]): string | undefined => {
  const value = optionValue(options, 'etag');
  return value === undefined ? undefined : optionToEntityTag(value);
};
