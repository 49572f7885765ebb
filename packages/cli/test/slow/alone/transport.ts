import assert from 'node:assert/strict';
import { bytesBody, collect, httpClient, request, serveHttp } from '@lapel/transport';
import type { Handler } from '@lapel/transport';

const greeting = new TextEncoder().encode('good morning');
const handler: Handler = async () => ({ status: 'ok', size: greeting.length, body: bytesBody(greeting) });
const server = await serveHttp(handler, {
  port: 0,
  onBug: (error) => {
    throw error;
  },
});
const answer = await httpClient(server.url)(request('GET', '/greeting'));
assert.deepEqual(await collect(answer.body, 100), greeting);
await server.close();
