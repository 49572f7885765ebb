/** Observing as a reader sees it (RFC 7641 §3): what the resource is, and each time what it has become. */
import type { Request, Response } from '../exchange.ts';
import type { BlockClientOptions } from './block-client.ts';
import { observedResponse } from './block-client.ts';
import type { Ask, Watch } from './carrier.ts';
import { methodCodes } from './code.ts';
import { forOrigin } from './proxy.ts';
import { requestToOptions } from './request-options.ts';

export const subscribing = (watch: Watch, ask: Ask, options: BlockClientOptions) =>
  async function* subscribe(request: Request): AsyncIterable<Response> {
    const { signal } = request;
    signal.throwIfAborted();
    const content = {
      code: methodCodes.GET,
      options: [
        ...requestToOptions({ ...request, method: 'GET' }),
        ...(options.origin === undefined ? [] : forOrigin(options.origin)),
      ],
      payload: new Uint8Array(0),
    };
    // RFC 7959 §2.6: a notification holds the first block; the rest is retrieved as any body is.
    for await (const first of watch(content, signal))
      yield observedResponse(first, content, ask, signal, options);
  };
