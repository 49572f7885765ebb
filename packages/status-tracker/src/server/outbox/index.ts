/** What is told to receivers outside: the front door, for whoever has one. */
export { sendOut } from './send-out.ts';
export type { Message, Receiver, SendOutOptions } from './send-out.ts';
export { signedHeaders } from './signed-headers.ts';
