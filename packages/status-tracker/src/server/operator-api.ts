/**
 * What operators, scripts and dashboards use: JSON over HTTP, as a plugin of Fastify. Every route stands in
 * one table with the roles that may use it, and one hook asks for them before anything else is done: there
 * is no second way in.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { uuidBytes } from '@lapel/suit';
import type { Clock, Peer } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { messageBytesMax } from '../protocol.ts';
import type { Access } from './access.ts';
import { campaignJson, deviceJson, evidenceJson, memberJson } from './as-json.ts';
import type { CampaignView } from './campaign.ts';
import type { Desk } from './desk.ts';
import { readPublicKey } from './desk.ts';
import { sendEvents } from './events.ts';
import { pageCampaignsMax, pageDevicesMax, pageHeaders, renderPage } from './page.ts';
import { authorize, mayRead } from './operator-access.ts';
import { asProblem, sendProblem } from './operator-problems.ts';
import * as schemas from './operator-schemas.ts';
import type { FleetStore, Page, Role } from './store.ts';
import type { Watch } from './watch.ts';

export interface OperatorApiOptions {
  readonly store: FleetStore;
  readonly desk: Desk;
  readonly access: Access;
  readonly watch: Watch;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
  /** Shows the page at `/` to whoever asks: for a tracker that only its own machine can reach. */
  readonly pageIsOpen?: boolean;
  /** What people call a class, by its UUID as text. */
  readonly classNames?: ReadonlyMap<string, string>;
}

interface Route {
  readonly roles: readonly Role[];
  readonly schema?: RouteOptions['schema'];
  readonly run: (asked: Asked) => Promise<unknown>;
}

interface Asked {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly actor: string;
}

const readers: readonly Role[] = ['viewer', 'author', 'operator', 'admin'];
const deciders: readonly Role[] = ['operator', 'admin'];
const campaignsMax = 100;
const auditMax = 1_000;
const evidenceMax = 100;

/** A plugin of Fastify, given a FastifyInstance. Who has no Fastify needs none of its types either. */
export type OperatorApi = (app: unknown) => Promise<void>;

export function operatorApi(options: OperatorApiOptions): OperatorApi {
  const table = { ...deviceRoutes(options), ...campaignRoutes(options), ...otherRoutes(options) };
  const addTo = async (app: FastifyInstance) => {
    const peers = new WeakMap<FastifyRequest, Peer>();
    app.addContentTypeParser(
      'application/cose',
      { parseAs: 'buffer' },
      async (_: FastifyRequest, body: Buffer) => body,
    );
    app.setErrorHandler((error, _, reply) => sendProblem(asProblem(error, options.onBug), reply));
    for (const [name, { roles, schema, run }] of Object.entries(table)) {
      const [method = '', url = ''] = name.split(' ');
      app.route({
        method,
        url,
        bodyLimit: messageBytesMax,
        ...(schema === undefined ? {} : { schema }),
        onRequest: async (request) => void peers.set(request, authorize(options.access, request, roles)),
        handler: (request, reply) => run({ request, reply, actor: peers.get(request)?.id ?? 'nobody' }),
      });
    }
    addEvents(app, options);
    addPage(app, options);
  };
  return (app) => addTo(app as FastifyInstance);
}

function deviceRoutes({ store, desk }: OperatorApiOptions): Readonly<Record<string, Route>> {
  return {
    'GET /devices': {
      roles: readers,
      schema: { querystring: schemas.page },
      run: async ({ request }) => {
        const page = request.query as Page;
        const devices = await store.devices(page);
        return { devices: devices.map(deviceJson), next: nextOf(page, devices.at(-1)?.id, devices.length) };
      },
    },
    'GET /devices/:id': {
      roles: readers,
      run: async ({ request }) => {
        const { device, explanation } = await desk.device(idOf(request));
        return { ...deviceJson(device), explanation };
      },
    },
    'GET /devices/:id/reports': {
      roles: readers,
      run: async ({ request }) => (await store.evidence(idOf(request), evidenceMax)).map(evidenceJson),
    },
    'POST /devices': {
      roles: deciders,
      schema: { body: schemas.provision },
      run: async ({ request, reply, actor }) => {
        const { id, publicKey, vendor, class: product } = request.body as schemas.ProvisionBody;
        const key = readPublicKey(publicKey);
        const device = { id, key, vendor: uuidOf('vendor', vendor), class: uuidOf('class', product) };
        const isNew = await desk.provision(device, actor);
        return reply.code(isNew ? 201 : 200).send({ id });
      },
    },
    'POST /devices/:id/approve': {
      roles: deciders,
      run: async ({ request, reply, actor }) => {
        await desk.approve(idOf(request), actor);
        return reply.code(204).send();
      },
    },
  };
}

function campaignRoutes({ store, desk }: OperatorApiOptions): Readonly<Record<string, Route>> {
  const json = async (view: CampaignView) => campaignJson(view, await store.totals(view.id));
  return {
    'GET /campaigns': {
      roles: readers,
      run: async () => Promise.all((await store.campaigns(campaignsMax)).map(json)),
    },
    'GET /campaigns/:id': {
      roles: readers,
      run: async ({ request }) => json(await desk.campaign(idOf(request))),
    },
    'GET /campaigns/:id/members': {
      roles: readers,
      schema: { querystring: schemas.members },
      run: async ({ request }) => {
        const { status, ...page } = request.query as schemas.MembersQuery;
        const members = await store.members((await desk.campaign(idOf(request))).id, status, page);
        return {
          members: members.map(memberJson),
          next: nextOf(page, members.at(-1)?.device, members.length),
        };
      },
    },
    'GET /campaigns/:id/plan': {
      roles: readers,
      run: async ({ request }) => desk.preview(idOf(request)),
    },
    'POST /campaigns': {
      roles: deciders,
      run: async ({ request, reply, actor }) =>
        reply.code(201).send(await json(await desk.start(signedBody(request), actor))),
    },
    'POST /campaigns/:id/orders': {
      roles: deciders,
      run: async ({ request, actor }) => json(await desk.order(idOf(request), signedBody(request), actor)),
    },
  };
}

function otherRoutes({ store, access }: OperatorApiOptions): Readonly<Record<string, Route>> {
  return {
    'GET /audit': { roles: deciders, run: async () => store.audit(auditMax) },
    'POST /tokens': {
      roles: ['admin'],
      schema: { body: schemas.token },
      run: async ({ request, reply, actor }) => {
        const { name, roles } = request.body as schemas.TokenBody;
        return reply.code(201).send({ name, roles, token: await access.grant(name, roles, actor) });
      },
    },
    'DELETE /tokens/:id': {
      roles: ['admin'],
      run: async ({ request, reply, actor }) => {
        await access.revoke(idOf(request), actor);
        return reply.code(204).send();
      },
    },
  };
}

/** Server-sent events: the state changes of devices and campaigns as they happen. */
function addEvents(app: FastifyInstance, { access, watch, clock, onBug }: OperatorApiOptions): void {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.get('/events', {
    onRequest: async (request) => void authorize(access, request, readers),
    handler: (_, reply) => {
      reply.hijack();
      sendEvents(reply.raw, watch, clock, closing.signal).catch((error: unknown) => {
        // Too many watch: all that is left to say is that this connection is over.
        reply.raw.destroy();
        if (!(error instanceof Problem)) onBug(error);
      });
    },
  });
}

function addPage(app: FastifyInstance, options: OperatorApiOptions): void {
  const { store, access, clock, pageIsOpen = false, classNames = new Map<string, string>() } = options;
  app.get('/', async (request, reply) => {
    if (!pageIsOpen && !mayRead(access, request)) {
      // A browser asks for a password; the token is one, under any name.
      return reply.code(401).header('www-authenticate', 'Basic realm="Lapel", charset="UTF-8"').send();
    }
    const views = await store.campaigns(pageCampaignsMax);
    const page = renderPage({
      nowMs: clock.wallMs(),
      groups: await store.summary(),
      campaigns: await Promise.all(
        views.map(async (view) => ({ view, totals: await store.totals(view.id) })),
      ),
      devices: await store.devices({ limit: pageDevicesMax }),
      classNames,
    });
    return reply.headers(pageHeaders).send(page);
  });
}

const idOf = (request: FastifyRequest): string => (request.params as { readonly id: string }).id;

function uuidOf(what: string, text: string): Uint8Array {
  const bytes = uuidBytes(text);
  if (bytes === undefined) throw new Problem('bad-request', `expected a UUID as ${what}, found another text`);
  return bytes;
}

function signedBody({ body }: FastifyRequest): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  throw new Problem('unsupported-format', 'expected a body of application/cose, found another');
}

const nextOf = ({ limit }: Page, last: string | undefined, found: number): string | undefined =>
  found < limit ? undefined : last;
