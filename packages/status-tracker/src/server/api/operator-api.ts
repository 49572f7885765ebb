/**
 * What operators, scripts and dashboards use: JSON over HTTP, as a plugin of Fastify. Every route stands in
 * one table with the roles that may use it, and one hook asks for them before anything else is done: there
 * is no second way in.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock, Peer } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { messageBytesMax } from '../../protocol.ts';
import type { Access } from '../access.ts';
import type { Desk } from '../desk.ts';
import type { TransparencyLog } from '../log.ts';
import type { FleetStore } from '../store.ts';
import type { Watch } from '../watch.ts';
import { accessRoutes } from './access-routes.ts';
import { campaignRoutes } from './campaign-routes.ts';
import { rolloutRoutes } from './rollout-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { sendEvents } from './events.ts';
import { logRoutes } from './log-routes.ts';
import { enrolmentRoutes } from './enrolment-routes.ts';
import { newestRoutes } from './newest-routes.ts';
import { openApi } from './openapi.ts';
import { metricRoutes } from './metrics.ts';
import { authorize, mayRead, peerOf } from './operator-access.ts';
import { auditRefusals } from './refused-acts.ts';
import { asProblem, sendProblem } from './operator-problems.ts';
import { pageCampaignsMax, pageDevicesMax, pageHeaders, renderPage } from './page.ts';
import type { Route, Routes } from './route.ts';
import { readers } from './route.ts';

export interface OperatorApiOptions {
  readonly store: FleetStore;
  readonly desk: Desk;
  readonly log: TransparencyLog;
  readonly access: Access;
  readonly watch: Watch;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
  /** Shows the page at `/` to whoever asks: for a tracker that only its own machine can reach. */
  readonly pageIsOpen?: boolean;
  /** What people call a class, by its UUID as text. */
  readonly classNames?: ReadonlyMap<string, string>;
}

/** A plugin of Fastify, given a FastifyInstance. Who has no Fastify needs none of its types either. */
export type OperatorApi = (app: unknown) => Promise<void>;

export const routesOf = (options: OperatorApiOptions): Routes => ({
  ...deviceRoutes(options),
  ...campaignRoutes(options),
  ...rolloutRoutes(options),
  ...newestRoutes(options),
  ...logRoutes(options),
  ...accessRoutes(options),
  ...enrolmentRoutes(options),
  ...metricRoutes(options),
});

export function operatorApi(options: OperatorApiOptions): OperatorApi {
  const table = routesOf(options);
  const description = JSON.stringify(openApi(table));
  const addTo = async (app: FastifyInstance) => {
    const audited = auditRefusals(options);
    const peers = new WeakMap<FastifyRequest, Peer>();
    app.addContentTypeParser(
      'application/cose',
      { parseAs: 'buffer' },
      async (_: FastifyRequest, body: Buffer) => body,
    );
    app.setErrorHandler((error, _, reply) => sendProblem(asProblem(error, options.onBug), reply));
    for (const [name, route] of Object.entries(table)) {
      const [method = '', url = ''] = name.split(' ');
      app.route({
        method,
        url,
        bodyLimit: messageBytesMax,
        schema: fastifySchema(route),
        async onRequest(request) {
          const check = async () => authorize(options.access, request, route.roles);
          const actor = peerOf(options.access, request)?.id;
          const attempt = { method, url, request };
          peers.set(request, await (actor === undefined ? check() : audited({ ...attempt, actor }, check)));
        },
        async handler(request, reply) {
          if (route.status !== undefined) void reply.code(route.status);
          const actor = peers.get(request)?.id ?? 'nobody';
          return audited({ method, url, actor, request }, () => route.run({ request, reply, actor }));
        },
      });
    }
    // How to ask is no secret; what is answered is.
    app.get('/openapi.json', async (_, reply) => reply.type('application/json').send(description));
    addEvents(app, options);
    addPage(app, options);
  };
  return (app) => addTo(app as FastifyInstance);
}

const fastifySchema = ({ query, body, answer, status = 200 }: Route) => ({
  ...(query === undefined ? {} : { querystring: query }),
  ...(body === undefined || body === 'signed' ? {} : { body }),
  ...(typeof answer !== 'object' ? {} : { response: { [status]: answer } }),
});

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
