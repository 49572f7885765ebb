/** The operators' API and page as a listener of node:http, to be mounted beside the resources of devices. */

import type { OperatorApiOptions } from '@lapel/status-tracker/operators';
import type { HttpListener } from '@lapel/transport';

export interface OperatorListener {
  readonly listener: HttpListener;
  close(): Promise<void>;
}

/**
 * What it stands on is half of the server's code. It is loaded when the first operator asks: after a kill a
 * fleet does not wait for it, and a second tracker that only devices ask never has it in memory.
 */
export function operatorListener(options: OperatorApiOptions): OperatorListener {
  let opened: ReturnType<typeof open> | undefined;
  return {
    listener(incoming, outgoing) {
      opened ??= open(options);
      opened
        .then((app) => app.routing(incoming, outgoing))
        .catch((error: unknown) => {
          opened = undefined;
          outgoing.destroy();
          options.onBug(error);
        });
    },
    close: async () => (await opened)?.close(),
  };
}

async function open(options: OperatorApiOptions) {
  const [{ fastify }, { operatorApi }] = await Promise.all([
    import('fastify'),
    import('@lapel/status-tracker/operators'),
  ]);
  // A line per request would halve the speed of what devices ask; the audit keeps what operators did.
  const app = fastify({ logger: false });
  await app.register(operatorApi(options));
  await app.ready();
  return app;
}
