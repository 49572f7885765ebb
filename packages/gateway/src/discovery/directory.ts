/**
 * A CoRE Resource Directory (RFC 9176), small and in memory: servers and gateways register what they have,
 * devices look it up. Nothing in it is believed by anybody; whoever registers a lie costs time.
 */
import type { Clock, Random, Request, Response, RouteHandler } from '@lapel/transport';
import { Problem, TransportError, bytesBody, emptyBody, receive } from '@lapel/transport';
import type { Link } from '@lapel/transport/coap';
import { filterLinks, linkFormat, readLinks, writeLinks } from '@lapel/transport/coap';
import { simpleRegistration } from './simple-registration.ts';

export interface DirectoryOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly onBug: (error: unknown) => void;
}

interface Registration {
  readonly id: string;
  readonly endpoint: string;
  readonly sector: string | undefined;
  readonly base: string;
  readonly links: readonly Link[];
  readonly lifetimeMs: number;
  readonly endsMs: number;
}

export const directoryPaths = {
  registration: '/rd',
  resources: '/rd-lookup/res',
  endpoints: '/rd-lookup/ep',
};

/** A site has a handful of gateways; with 4 KiB each, less than 5 MB. */
const registrationsMax = 1000;
const linksBytesMax = 4 * 1024;
/** §5: 63 bytes of UTF-8 for a name. */
const nameBytesMax = 63;
const baseLengthMax = 255;
/** §5: 25 hours where nothing is said. Longer than a day and an hour nobody is remembered without a word. */
const lifetimeMs = { min: 60_000, max: 90_000_000 } as const;
/** What one look-up brings; `page` and `count` lead further (§6.2). */
const answerMax = 64;

export function directory(options: DirectoryOptions): Readonly<Record<string, RouteHandler>> {
  const { clock, random } = options;
  const byId = new Map<string, Registration>();

  function living(): readonly Registration[] {
    for (const { id, endsMs } of byId.values()) if (endsMs <= clock.monotonicMs()) byId.delete(id);
    return [...byId.values()];
  }

  function find(id: string): Registration {
    const found = living().find((each) => each.id === id);
    if (found === undefined) throw new Problem('not-found', 'expected a registration, found none');
    return found;
  }

  /** §5: the same endpoint in the same sector keeps its place. @returns what enters links there */
  function admit(query: Request['query'], base: string): (links: readonly Link[]) => string {
    const endpoint = nameIn(query, 'ep');
    if (endpoint === undefined) throw new Problem('bad-request', 'expected ep=NAME, found none');
    const sector = nameIn(query, 'd');
    const lifetime = lifetimeIn(query) ?? lifetimeMs.max;
    return (links) => {
      const known = living().find((each) => each.endpoint === endpoint && each.sector === sector);
      if (known === undefined && byId.size >= registrationsMax) {
        throw new Problem(
          'storage-full',
          `expected fewer than ${registrationsMax} registrations, found no room`,
        );
      }
      const id = known?.id ?? Buffer.from(random.bytes(6)).toString('hex');
      const endsMs = clock.monotonicMs() + lifetime;
      byId.set(id, { id, endpoint, sector, base, links, lifetimeMs: lifetime, endsMs });
      return id;
    };
  }

  async function register(asked: Request): Promise<Response> {
    const { query, sender } = asked;
    // §5: where it says no base, it is where it is seen to be.
    const base = baseIn(query) ?? sender?.origin;
    if (base === undefined)
      throw new Problem('bad-request', 'expected base=URI, or a proven address of CoAP, found neither');
    const id = admit(query, base)(await linksIn(asked));
    return { status: 'created', headers: { location: `/rd/${id}` }, size: 0, body: emptyBody };
  }

  /** §5.3.1: what is not said stays as it was. */
  function update({ query }: Request, id: string): Response {
    const known = find(id);
    const lifetime = lifetimeIn(query) ?? known.lifetimeMs;
    const endsMs = clock.monotonicMs() + lifetime;
    byId.set(id, { ...known, base: baseIn(query) ?? known.base, lifetimeMs: lifetime, endsMs });
    return { status: 'changed', size: 0, body: emptyBody };
  }

  return {
    'POST /rd': register,
    'POST /.well-known/rd': simpleRegistration({ ...options, linksBytesMax, admit }),
    'POST /rd/{registration}': async (asked, { registration = '' }) => update(asked, registration),
    'DELETE /rd/{registration}': async (_, { registration = '' }) => {
      byId.delete(find(registration).id);
      return { status: 'changed', size: 0, body: emptyBody };
    },
    'GET /rd-lookup/res': async ({ query }) => answer(living().flatMap(absolute), query),
    'GET /rd-lookup/ep': async ({ query }) => answer(living().map(asLink), query),
  };
}

/** §6.1: links are absolute, whatever they were relative to; and found by their endpoint's name, too. */
const absolute = ({ base, links, endpoint }: Registration): readonly (Link & { readonly ep: string })[] =>
  links.flatMap(({ target, attributes }) =>
    URL.canParse(target, base) ? [{ target: new URL(target, base).href, attributes, ep: endpoint }] : [],
  );

/** §6.3 */
const asLink = ({ id, endpoint, sector, base }: Registration): Link & { readonly ep: string } => ({
  target: `/rd/${id}`,
  attributes: [
    ['ep', endpoint],
    ['base', base],
    ['rt', 'core.rd-ep'],
    ...(sector === undefined ? [] : [['d', sector] as const]),
  ],
  ep: endpoint,
});

function answer(links: readonly (Link & { readonly ep: string })[], query: Request['query']): Response {
  const { page, count, ep, ...rest } = Object.fromEntries(query);
  const named = ep === undefined ? links : links.filter((link) => link.ep === ep);
  const found = filterLinks(named, new Map(Object.entries(rest)));
  const length = Math.min(wholeIn(count) ?? answerMax, answerMax);
  const start = (wholeIn(page) ?? 0) * length;
  const text = writeLinks(found.slice(start, start + length));
  const bytes = new TextEncoder().encode(text);
  return { status: 'ok', contentType: linkFormat, size: bytes.length, body: bytesBody(bytes) };
}

const wholeIn = (text: string | undefined) => (/^\d{1,6}$/.test(text ?? '') ? Number(text) : undefined);

function nameIn(query: Request['query'], key: string): string | undefined {
  const name = query.get(key);
  if (name === undefined) return undefined;
  if (name !== '' && Buffer.byteLength(name) <= nameBytesMax && !/[\p{Cc}\s"\\]/u.test(name)) return name;
  throw new Problem('bad-request', `expected ${key} to be 1 to ${nameBytesMax} bytes of text, found another`);
}

function lifetimeIn(query: Request['query']): number | undefined {
  const text = query.get('lt');
  if (text === undefined) return undefined;
  const ms = 1000 * Number(text);
  if (!/^\d{1,10}$/.test(text) || ms < lifetimeMs.min) {
    throw new Problem(
      'bad-request',
      `expected lt to be from ${lifetimeMs.min / 1000} seconds, found another`,
    );
  }
  return Math.min(ms, lifetimeMs.max);
}

function baseIn(query: Request['query']): string | undefined {
  const text = query.get('base');
  if (text === undefined) return undefined;
  const url = text.length <= baseLengthMax && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^(?:https?|coap|coap\+tcp):$/.test(url.protocol)) return text;
  throw new Problem(
    'bad-request',
    'expected base to be a URI of http, https, coap or coap+tcp, found another',
  );
}

/** @throws {Problem} */
async function linksIn(asked: Request): Promise<readonly Link[]> {
  const text = new TextDecoder().decode(await receive(asked, linksBytesMax));
  try {
    return readLinks(text);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new Problem('bad-request', error.message, { cause: error });
  }
}
