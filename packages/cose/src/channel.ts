/**
 * What seals the messages of a channel, for OSCORE (RFC 8613): beside the front door, as nobody who reads a
 * manifest has a use for it, and a provider that knows no channel need not have it.
 */

export { channelAlgorithms } from './algorithms.ts';
export { hkdfSha256, openCcm, sealCcm } from './crypto.ts';
export type { ChannelSecret } from './crypto.ts';
