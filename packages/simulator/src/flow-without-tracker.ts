/**
 * RFC 9019 §9, first flow: no status tracker. The device asks the firmware server for the latest, and
 * confirms by its own self-test (S4-130, S4-131).
 */

import { serverSource } from '@lapel/device';
import { className, gatherParties, origin, party, publishNew, switchOn } from './flow-parties.ts';
import { deviceClass, vendor } from './firmware.ts';
import type { Describe } from './message-trace.ts';
import { messageTrace } from './message-trace.ts';

/** The figure's arrows, from top to bottom; the last one is how the trial ends. */
export const arrowsWithoutTracker: readonly string[] = [
  'Author: create firmware',
  'Author → Firmware Server: upload firmware',
  'Author: create manifest',
  'Author: sign manifest',
  'Author → Firmware Server: upload manifest',
  'FW Consumer → Firmware Server: query manifest',
  'Firmware Server → FW Consumer: send manifest',
  'FW Consumer: validate manifest',
  'FW Consumer → Firmware Server: request firmware',
  'Firmware Server → FW Consumer: send firmware',
  'FW Consumer: verify firmware',
  'FW Consumer: store firmware',
  'FW Consumer → Bootloader: trigger reboot',
  'Bootloader: verify firmware',
  'Bootloader: activate new firmware',
  'Bootloader: boot new firmware',
  'FW Consumer: confirm firmware',
];

/** @param folder empty, for the firmware server. Returns the arrows that happened. */
export async function flowWithoutTracker(folder: string): Promise<readonly string[]> {
  const parties = await gatherParties({ folder });
  const trace = messageTrace();
  await publishNew(parties, trace);
  const done = new AbortController();
  const network = trace.between(
    party.consumer,
    party.server,
    parties.server.handler,
    consumerWords(() => done.signal),
  );
  await switchOn(
    parties,
    {
      network,
      trace,
      connect: (_, { manifest }) =>
        serverSource({
          handler: network,
          origin,
          vendor,
          class: deviceClass(className),
          running: manifest.digest.bytes,
          envelopeBytesMax: parties.profile.limits.envelopeBytes,
        }),
      onStep: (step) => {
        if (step === 'confirmed') done.abort(new Error('the flow has ended'));
      },
    },
    done.signal,
  );
  return trace.arrows;
}

/** What passes once the flow has ended is not part of it. */
const consumerWords =
  (done: () => AbortSignal): Describe =>
  ({ path }) => {
    if (done().aborted) return undefined;
    if (path.startsWith('/latest/')) {
      return {
        ask: 'query manifest',
        answer: ({ status }) => (status === 'ok' ? 'send manifest' : undefined),
      };
    }
    return path.startsWith('/payloads/')
      ? { ask: 'request firmware', answer: () => 'send firmware' }
      : undefined;
  };
