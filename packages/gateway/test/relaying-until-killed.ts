/**
 * A process of its own for `relay.test.ts`: a gateway whose upstream nobody serves takes reports, and says of
 * each on its standard output that it was answered. It ends when it is killed.
 */
import { openGateway } from '@lapel/gateway';
import { bytesBody, httpClient, request } from '@lapel/transport';

const [, , folder = '', upstream = ''] = process.argv;
const gateway = await openGateway({
  folder,
  upstreams: [{ name: upstream, handler: httpClient(upstream) }],
  onNotice: () => undefined,
  onBug: (error) => {
    throw error;
  },
});

for (let number = 1; ; number++) {
  const body = bytesBody(new TextEncoder().encode(`report ${number}`));
  const taken = await gateway.handler(request('POST', '/reports', { body }));
  if (taken.status === 'changed') process.stdout.write(`report ${number}\n`);
}
