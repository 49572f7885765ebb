/** The one place where the scheme of a URL says by which binding its server is asked. */

import type { Handler, HttpClientOptions } from '@lapel/transport';
import { httpClient } from '@lapel/transport';
import type { CoapClient, CoapClientOptions, WaitByObservingOptions } from '@lapel/transport/coap';
import { coapClient, coapTcpClient, waitByObserving } from '@lapel/transport/coap';

export interface ClientAtOptions {
  readonly http: HttpClientOptions;
  readonly coap: CoapClientOptions;
  /** What is waited for is observed over CoAP; without it, each poll waits by itself. */
  readonly waiting?: WaitByObservingOptions;
}

/** Undefined where nothing here speaks its scheme. */
export function clientAt(url: string, { http, coap, waiting }: ClientAtOptions): Handler | undefined {
  const observing = (client: CoapClient) =>
    waiting === undefined ? client : waitByObserving(client, waiting);
  switch (new URL(url).protocol) {
    case 'http:':
    case 'https:':
      return httpClient(url, http);
    case 'coap:':
      return observing(coapClient(url, coap));
    case 'coap+tcp:':
      return observing(coapTcpClient(url, coap));
    default:
      return undefined;
  }
}
