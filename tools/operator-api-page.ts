/**
 * `docs/operator-api.json`: the API of operators as an OpenAPI 3.1 document, as a tracker itself tells it.
 * `npm run format` writes it, and a test says when it is stale.
 */
import { generateSigningKey } from '@lapel/cose';
import { createMemoryStore, createStatusTracker } from '@lapel/status-tracker';
import { systemClock, systemRandom } from '@lapel/transport';
import { fastify } from 'fastify';

export const apiPath = 'docs/operator-api.json';

export async function operatorApiPage(): Promise<string> {
  const tracker = await createStatusTracker({
    store: createMemoryStore(),
    clock: systemClock,
    random: systemRandom,
    trackerKey: generateSigningKey('P-256'),
    operators: [],
    releases: () => undefined,
    onBug(error) {
      throw error;
    },
  });
  const app = fastify();
  try {
    await app.register(tracker.operatorApi);
    const { payload } = await app.inject('/openapi.json');
    return `${JSON.stringify(JSON.parse(payload), undefined, 2)}\n`;
  } finally {
    await app.close();
    await tracker.close();
  }
}
