/** What devices ask of the tracker, as a table of resources: HTTP and CoAP alike. */
import { CborError, hex, read, tstr, unhex, write } from '@lapel/cbor';
import type { Handler, Response } from '@lapel/transport';
import { Problem, bytesBody, emptyBody, receive, routes } from '@lapel/transport';
import { DeviceId, mediaTypes, messageBytesMax, reportBytesMax } from '../protocol.ts';
import type { Collector } from './collect.ts';
import type { Modes } from './modes.ts';
import type { Notify } from './notify.ts';
import type { Registrar } from './register.ts';
import type { Statements } from './statements.ts';

export interface DeviceResourcesOptions {
  readonly registrar: Registrar;
  readonly notify: Notify;
  readonly collector: Collector;
  readonly modes: Modes;
  readonly statements: Statements;
  readonly onBug: (error: unknown) => void;
}

export function deviceResources({
  registrar,
  notify,
  collector,
  modes,
  statements,
  onBug,
}: DeviceResourcesOptions): Handler {
  return routes(
    {
      'GET /challenges/{device}': async (_, { device = '' }) =>
        answer('ok', await registrar.challenge(deviceId(device)), 'application/octet-stream'),
      'POST /register': async (request) => {
        const signed = await receive(request, messageBytesMax);
        const receipt = await registrar.register(signed, request.certificates);
        return answer('created', receipt, mediaTypes.cose);
      },
      'POST /check-in': async (request) => {
        const receipt = await collector.checkIn(await receive(request, messageBytesMax));
        return answer('ok', receipt, mediaTypes.cose);
      },
      'POST /answers': async (request) =>
        answer('ok', await modes.answer(await receive(request, messageBytesMax)), mediaTypes.cose),
      'GET /offers/{device}': (request, { device = '' }) => notify.poll(request, device),
      'GET /statements/{digest}': async (request, { digest = '' }) => {
        const wanted = digestIn(digest);
        // Named by what it is, it never changes.
        const etag = hex(wanted);
        const signed = await statements.find(wanted);
        if (signed === undefined)
          throw new Problem('not-found', `expected the digest of a statement that is current, found ${etag}`);
        if (request.ifNoneMatch === etag) return { status: 'valid', etag, body: emptyBody };
        return { ...answer('ok', signed, mediaTypes.cose), etag };
      },
      'GET /tracker/capabilities': async () => answer('ok', capabilities, 'application/json'),
      'POST /reports': async (request) => {
        await collector.report(await receive(request, reportBytesMax));
        return { status: 'changed', size: 0, body: emptyBody };
      },
    },
    { onBug },
  );
}

/**
 * What it can, for machines: each by the resource that it is had by. Operators' are in
 * docs/operator-api.json.
 */
const capabilities = new TextEncoder().encode(
  JSON.stringify({
    entity: 'status-tracker',
    capabilities: {
      'know-devices': 'POST /register',
      'keep-status': 'POST /check-in',
      'decide-need': 'GET /offers/{device}',
      'agree-on-time': 'POST /answers',
      'show-campaign': 'GET /statements/{digest}',
      'keep-results': 'POST /reports',
    },
  }),
);

function deviceId(text: string): string {
  try {
    return read(DeviceId, write(tstr, text));
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new Problem('bad-request', error.message, { cause: error });
  }
}

function digestIn(text: string): Uint8Array {
  const digest = unhex(text);
  if (digest?.length === 32) return digest;
  throw new Problem('bad-request', 'expected a SHA-256 in hexadecimal, found another text');
}

const answer = (status: 'ok' | 'created', bytes: Uint8Array, contentType: string): Response => ({
  status,
  contentType,
  size: bytes.length,
  body: bytesBody(bytes),
});
