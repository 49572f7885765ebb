/**
 * Objects over the one Handler: Read is GET, Write PUT, Write of several resources POST to the instance,
 * Execute POST to a resource, Discover GET of links (LwM2M Transport 1.1 §6.4). What a resource does not
 * offer is not allowed (4.05).
 */

import type { Handler, Request, Response, RouteParameters } from '@lapel/transport';
import { Problem, bytesBody, discard, emptyBody, receive, routes } from '@lapel/transport';
import type { Link } from '@lapel/transport/coap';
import { linkFormat, writeLinks } from '@lapel/transport/coap';
import type { ManagedObject, Resource, Value } from './resource.ts';
import { valueFromText, valueFromTlv, valueToText, valueToTlv } from './resource.ts';
import type { Entry } from './tlv.ts';
import { readTlv, tlvContent, tlvMediaType, writeTlv } from './tlv.ts';

/** What is written at once, but for a package: some numbers and a URI. */
const writtenBytesMax = 1024;

export interface ServedObjects {
  readonly handler: Handler;
  /** What a resource, or an instance, is and becomes; undefined where nothing changes. */
  readonly subscribe: (request: Request) => AsyncIterable<Response> | undefined;
  /** Of the instances, for a registration. */
  readonly links: readonly Link[];
}

export function serveObjects(
  objects: readonly ManagedObject[],
  onBug: (error: unknown) => void,
): ServedObjects {
  const find = (given: RouteParameters): Found => found(objects, given);
  const read = (request: Request, given: RouteParameters) => readResponse(request, find(given));
  const handler = routes(
    {
      'GET /{object}': async (request, given) => read(request, given),
      'GET /{object}/{instance}': async (request, given) => read(request, given),
      'GET /{object}/{instance}/{resource}': async (request, given) => read(request, given),
      'PUT /{object}/{instance}': (request, given) => writeInstance(request, find(given)),
      'POST /{object}/{instance}': (request, given) => writeInstance(request, find(given)),
      'PUT /{object}/{instance}/{resource}': (request, given) => writeResource(request, find(given)),
      'POST /{object}/{instance}/{resource}': (request, given) => execute(request, find(given)),
    },
    { onBug },
  );
  return {
    handler,
    subscribe: (request) => {
      const [, object] = request.path.split('/');
      const changed = objects.find(({ id }) => String(id) === object)?.changed;
      return changed === undefined ? undefined : becoming(handler, request, changed);
    },
    links: [
      {
        target: '/',
        attributes: [
          ['rt', 'oma.lwm2m'],
          ['ct', '11542'],
        ],
      },
      ...objects.flatMap(({ id, version }): readonly Link[] => [
        { target: `/${id}`, attributes: [['ver', version]] },
        { target: `/${id}/0`, attributes: [] },
      ]),
    ],
  };
}

async function* becoming(
  handler: Handler,
  request: Request,
  changed: NonNullable<ManagedObject['changed']>,
): AsyncIterable<Response> {
  let told: string | undefined;
  for (;;) {
    const response = await handler(request);
    const content = `${response.status} ${String('bytes' in response.body ? response.body.bytes : '')}`;
    // Begun before it is told, so that no change falls between.
    const next = changed(request.signal);
    next.catch(() => undefined);
    if (content !== told) yield response;
    told = content;
    if (response.status !== 'ok') return;
    await next;
  }
}

interface Found {
  readonly object: ManagedObject;
  readonly isObject: boolean;
  /** With its identifier, where the path leads to one. */
  readonly resource?: readonly [number, Resource];
}

function found(objects: readonly ManagedObject[], given: RouteParameters): Found {
  const object = objects.find(({ id }) => String(id) === given['object']);
  const { instance, resource: wanted } = given;
  if (object === undefined || (instance !== undefined && instance !== '0')) throw nothingThere();
  if (wanted === undefined) return { object, isObject: instance === undefined };
  const resource = Object.hasOwn(object.resources, wanted) ? object.resources[Number(wanted)] : undefined;
  if (resource === undefined) throw nothingThere();
  return { object, isObject: false, resource: [Number(wanted), resource] };
}

const nothingThere = () => new Problem('not-found', 'nothing is found under this path');

function readResponse({ headers: { accept } }: Request, where: Found): Response {
  const { object, resource } = where;
  if (accept === linkFormat) return content(linkFormat, new TextEncoder().encode(writeLinks(linksOf(where))));
  if (resource === undefined) {
    const entries = Object.entries(object.resources).flatMap(([id, each]) => entryOf(Number(id), each) ?? []);
    if (!where.isObject) return content(tlvMediaType, writeTlv(entries));
    return content(tlvMediaType, writeTlv([{ kind: 'instance', id: 0, value: writeTlv(entries) }]));
  }
  const [id, { name, read }] = resource;
  if (read === undefined) throw new Problem('method-not-allowed', `expected no read of ${name}, found one`);
  const value = read();
  const entry = entryOf(id, resource[1]);
  if (value === undefined || entry === undefined) throw nothingThere();
  if (Array.isArray(value) || accept === tlvMediaType) return content(tlvMediaType, writeTlv([entry]));
  return content('text/plain', valueToText(value as Value));
}

function entryOf(id: number, { read }: Resource): Entry | undefined {
  const value = read?.();
  if (value === undefined) return undefined;
  if (typeof value !== 'object') return { kind: 'resource', id, value: valueToTlv(value) };
  const values = value.map((each, index): Entry => {
    return { kind: 'resource-instance', id: index, value: valueToTlv(each) };
  });
  return { kind: 'resources', id, value: writeTlv(values) };
}

function linksOf({ object: { id, version, resources }, isObject, resource }: Found): readonly Link[] {
  if (resource !== undefined) return [{ target: `/${id}/0/${resource[0]}`, attributes: [] }];
  const own: Link = { target: `/${id}/0`, attributes: [] };
  const within = Object.entries(resources)
    .filter(([, { read }]) => read === undefined || read() !== undefined)
    .map(([each]): Link => ({ target: `/${id}/0/${each}`, attributes: [] }));
  return isObject ? [{ target: `/${id}`, attributes: [['ver', version]] }, own, ...within] : [own, ...within];
}

const content = (contentType: string, bytes: Uint8Array): Response => ({
  status: 'ok',
  contentType,
  size: bytes.length,
  body: bytesBody(bytes),
});

const changed: Response = { status: 'changed', size: 0, body: emptyBody };

async function writeResource(request: Request, { resource }: Found): Promise<Response> {
  if (resource === undefined) throw nothingThere();
  const [id, { name, type, write, receive: take }] = resource;
  const isTlv = request.headers['content-type'] === tlvMediaType;
  if (take !== undefined) {
    await take(isTlv ? tlvContent(request.body, id) : request.body);
    return changed;
  }
  if (write === undefined) throw notWritable(name);
  const bytes = await receive(request, writtenBytesMax);
  if (!isTlv) write(valueFromText(type, bytes));
  else write(valueFromTlv(type, onlyEntry(readTlv(bytes), id)));
  return changed;
}

const notWritable = (name: string) =>
  new Problem('method-not-allowed', `expected no write to ${name}, found one`);

function onlyEntry(entries: readonly Entry[], id: number): Uint8Array {
  const [entry, ...rest] = unwrapped(entries);
  if (entry?.kind === 'resource' && entry.id === id && rest.length === 0) return entry.value;
  throw new Problem('bad-request', `expected one value of the resource ${id}, found others`);
}

/** Some servers write the instance around its resources, though the path has named it. */
function unwrapped(entries: readonly Entry[]): readonly Entry[] {
  const [entry, ...rest] = entries;
  return entry?.kind === 'instance' && entry.id === 0 && rest.length === 0 ? readTlv(entry.value) : entries;
}

/** All of them are read before the first is written; a package is too large to come so. */
async function writeInstance(request: Request, { object }: Found): Promise<Response> {
  if (request.headers['content-type'] !== tlvMediaType)
    throw new Problem('unsupported-format', `expected resources as ${tlvMediaType}, found another form`);
  const entries = unwrapped(readTlv(await receive(request, writtenBytesMax)));
  const writes = entries.map(({ kind, id, value }) => {
    const resource = object.resources[id];
    if (kind !== 'resource' || resource === undefined)
      throw new Problem('bad-request', `expected resources of the object ${object.id}, found another`);
    const { name, type, write } = resource;
    if (write === undefined) throw notWritable(name);
    const given = valueFromTlv(type, value);
    return () => write(given);
  });
  for (const write of writes) write();
  return changed;
}

async function execute({ body }: Request, { resource }: Found): Promise<Response> {
  // None of ours takes arguments.
  await discard(body);
  const [, { name, execute: run }] = resource ?? [0, { name: 'an instance' }];
  if (run === undefined)
    throw new Problem('method-not-allowed', `expected no execution of ${name}, found one`);
  run();
  return changed;
}
