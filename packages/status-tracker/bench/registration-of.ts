/** What a device sends to register, made by its own client over a challenge that was asked for before. */
import { bytesBody, receive, systemClock, systemRandom } from '@lapel/transport';
import type { Request } from '@lapel/transport';
import { createTrackerClient } from '../src/client/client.ts';
import { lampClass, testKey, vendor } from '../test/world.ts';
import type { Lamp } from './fleet-over-http.ts';

export async function registrationOf({ id, key }: Lamp, challenge: Uint8Array): Promise<Uint8Array> {
  let sent: Request | undefined;
  const client = createTrackerClient({
    ...{ device: id, key, trackerKey: testKey('tracker').public, vendor, class: lampClass },
    ...{ clock: systemClock, random: systemRandom },
    handler: async (asked) => {
      if (asked.method === 'POST') sent = asked;
      return { status: 'ok', headers: {}, body: bytesBody(challenge) };
    },
  });
  // It takes the challenge for the receipt, and refuses it.
  await client.register().catch(() => undefined);
  if (sent === undefined) throw new Error(`expected ${id} to register, found nothing sent`);
  return receive(sent, 4_096);
}
