/** What a poll shows of its device: a token, unless the way proves who it is. */
import type { Request, Response } from '@lapel/transport';
import { discard } from '@lapel/transport';

type Poll = (headers: Request['headers']) => Promise<Response>;

/**
 * OSCORE ends at each hop that keeps a cache, and proves the device to that one only. A tracker behind it
 * knows nobody without a token; from then on, it is shown.
 */
export function showing(isProvenByChannel: boolean): (token: string, poll: Poll) => Promise<Response> {
  let showsToken = !isProvenByChannel;
  return async (authorization, poll) => {
    if (!showsToken) {
      const response = await poll({});
      if (response.status !== 'unauthorized') return response;
      await discard(response.body);
    }
    const response = await poll({ authorization });
    if (response.status !== 'unauthorized') showsToken = true;
    return response;
  };
}
