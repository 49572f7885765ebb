/**
 * A device core that has a line and no network (ITU-T X.secup-iot): at the other end is a communicator,
 * which asks how it is, carries what it says and fetches, and tells it when to look for an update. The
 * core proves everything itself. A communicator that lies can keep it waiting, and nothing else.
 */

import { write } from '@lapel/cbor';
import { CoreStatus, mediaTypes, protocolVersion } from '@lapel/status-tracker/protocol';
import type { Handler, Response } from '@lapel/transport';
import { bytesBody, emptyBody, routes } from '@lapel/transport';
import type { Booted } from './bootloader/boot.ts';
import { event } from './event.ts';
import { inventory } from './inventory.ts';
import type { TrustStore } from './trust-store.ts';
import type { DeviceStatus, UpdateSource } from './update-source.ts';

export interface CoreService {
  /** What the communicator may ask. */
  readonly handler: Handler;
  /**
   * The source of updates as a core uses it: it says nothing before it was asked how it is, and looks for
   * updates once at its start, and then when it is told to.
   */
  behind(source: UpdateSource): UpdateSource;
}

export interface CoreServiceOptions {
  readonly trust: Pick<TrustStore, 'device' | 'vendor' | 'class'>;
  readonly decision: Booted;
  readonly onBug: (error: unknown) => void;
}

/**
 * What it can, for machines: each by the resource that it is had by, or as the step of the agent that does
 * it.
 */
const capabilities = new TextEncoder().encode(
  JSON.stringify({
    entity: 'device-core',
    capabilities: {
      'tell-status': 'GET /core',
      'look-for-update': 'POST /core/look',
      'verify-manifest': 'manifest-validated',
      'verify-image': 'image-verified',
      store: 'staged',
      activate: 'confirmed',
      'go-back': 'reverted',
      'report-result': 'reported',
    },
  }),
);

export function createCoreService({ trust, decision, onBug }: CoreServiceOptions): CoreService {
  const met = event();
  const told = event();
  let state: DeviceStatus['state'] = decision.onTrial ? 'awaiting-confirmation' : 'idle';
  /** How often it was to look, and of these, how often it has. */
  let [asked, looked] = [1, 0];

  const status = () =>
    write(CoreStatus, {
      version: protocolVersion,
      ...{ device: trust.device, vendor: trust.vendor, class: trust.class, state },
      components: inventory(decision),
    });

  return {
    handler: routes(
      {
        'GET /core': async () => {
          const answer = content(status(), mediaTypes.cbor);
          met.happen();
          return answer;
        },
        'POST /core/look': async () => {
          asked += 1;
          told.happen();
          return { status: 'changed', size: 0, body: emptyBody };
        },
        'GET /core/capabilities': async () => content(capabilities, 'application/json'),
      },
      { onBug },
    ),
    behind: (source) => ({
      ...source,
      async announce(what, signal) {
        ({ state } = what);
        await met.happened(signal);
        return source.announce(what, signal);
      },
      async next(signal) {
        await met.happened(signal);
        if (looked >= asked) await told.happens(signal);
        const now = asked;
        const candidate = await source.next(signal);
        looked = now;
        return candidate;
      },
      postpone() {
        source.postpone();
        // It is wanted still, whoever says so again.
        looked = Math.min(looked, asked - 1);
      },
    }),
  };
}

const content = (bytes: Uint8Array, contentType: string): Response => ({
  status: 'ok',
  contentType,
  size: bytes.length,
  body: bytesBody(bytes),
});
