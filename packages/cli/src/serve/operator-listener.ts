/** The operators' API and page as a listener of node:http, to be mounted beside the resources of devices. */

import type { OperatorApiOptions } from '@lapel/status-tracker/operators';
import { operatorApi } from '@lapel/status-tracker/operators';
import type { HttpListener } from '@lapel/transport';
import { fastify } from 'fastify';

export interface OperatorListener {
  readonly listener: HttpListener;
  close(): Promise<void>;
}

export async function operatorListener(options: OperatorApiOptions): Promise<OperatorListener> {
  // A line per request would halve the speed of what devices ask; the audit keeps what operators did.
  const app = fastify({ logger: false });
  await app.register(operatorApi(options));
  await app.ready();
  return {
    listener: (incoming, outgoing) => app.routing(incoming, outgoing),
    close: () => app.close(),
  };
}
