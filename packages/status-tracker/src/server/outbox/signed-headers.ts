/**
 * How a receiver knows that a message is ours and new: the headers of Standard Webhooks 1.0. What is signed
 * is the id, the time of sending and the body, so that none of them can be another's or an old one's.
 */
import { hmacSha256 } from '@lapel/cose';
import type { Message } from './send-out.ts';

/** Of each secret a signature: while a secret is being replaced, the old one and the new one hold. */
export function signedHeaders({ id, body }: Message, secrets: readonly Uint8Array[], nowMs: number) {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures = secrets.map(
    (secret) => `v1,${Buffer.from(hmacSha256(secret, signed)).toString('base64')}`,
  );
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
