/** The operators' API over a tracker of a test's own, with a token for each role. */
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import type { Role, StatusTrackerOptions } from '../src/index.ts';
import type { OperatorApiOptions } from '../src/server/api/operator-api.ts';
import { operatorApi } from '../src/server/api/operator-api.ts';
import type { World } from './world.ts';
import { createWorld } from './world.ts';

export interface Api {
  readonly world: World;
  readonly app: FastifyInstance;
  readonly tokens: Readonly<Record<Role, string>>;
  ask(role: Role | undefined, method: 'GET' | 'POST' | 'DELETE', url: string, body?: object): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
  readonly json: () => Readonly<Record<string, unknown>>;
}

export async function createApi(
  context: TestContext,
  shown: Pick<OperatorApiOptions, 'pageIsOpen' | 'classNames'> = {},
  options: Partial<StatusTrackerOptions> = {},
): Promise<Api> {
  const world = await createWorld(options);
  const app = fastify();
  const { store, clock } = world;
  await app.register(operatorApi({ ...world.tracker, store, clock, onBug, ...shown }));
  context.after(() => app.close());
  const grant = (role: Role) => world.tracker.access.grant(role, [role], 'test');
  const tokens = {
    viewer: await grant('viewer'),
    author: await grant('author'),
    operator: await grant('operator'),
    approver: await grant('approver'),
    admin: await grant('admin'),
  };
  return {
    world,
    app,
    tokens,
    async ask(role, method, url, body) {
      const isSigned = body instanceof Uint8Array;
      const { statusCode, payload, rawPayload, headers } = await app.inject({
        method,
        url,
        headers: {
          ...(role === undefined ? {} : { authorization: `Bearer ${tokens[role]}` }),
          ...(isSigned ? { 'content-type': 'application/cose' } : {}),
        },
        ...(body === undefined ? {} : { payload: isSigned ? Buffer.from(body) : body }),
      });
      return {
        status: statusCode,
        text: payload,
        headers,
        bytes: new Uint8Array(rawPayload),
        json: () => JSON.parse(payload) as Record<string, unknown>,
      };
    },
  };
}

function onBug(error: unknown): never {
  throw error;
}
