/**
 * `docs/operator-api.json`: the API of operators as an OpenAPI 3.1 document, as a tracker itself tells it.
 * `npm run format` writes it, and a test says when it is stale.
 */
import { generateSigningKey } from '@lapel/cose';
import { createMemoryStore, createStatusTracker } from '@lapel/status-tracker';
import { operatorApi } from '@lapel/status-tracker/operators';
import { systemClock, systemRandom } from '@lapel/transport';
import { fastify } from 'fastify';

export const apiPath = 'docs/operator-api.json';

export async function operatorApiPage(): Promise<string> {
  const store = createMemoryStore();
  const tracker = await createStatusTracker({
    store,
    clock: systemClock,
    random: systemRandom,
    trackerKey: generateSigningKey('P-256'),
    operators: [],
    releases: () => undefined,
    onBug,
  });
  const app = fastify();
  try {
    await app.register(operatorApi({ ...tracker, store, clock: systemClock, onBug }));
    const { payload } = await app.inject('/openapi.json');
    return `${JSON.stringify(JSON.parse(payload), undefined, 2)}\n`;
  } finally {
    await app.close();
    await tracker.close();
  }
}

function onBug(error: unknown): never {
  throw error;
}
