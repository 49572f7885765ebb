/**
 * Narrow links as a binding of the one `Handler`: a serial port, a radio of 20 or of 51 bytes. `onLine`
 * and `onRadio` make chunks of them, `within` holds them to a duty cycle, and `streamPeer` is an end of
 * such a link, which answers by a Handler and asks as one.
 */
export { lineChunkBytes, onLine, onRadio } from './chunks.ts';
export type { ByteLine, Chunks } from './chunks.ts';
export { within } from './duty-cycle.ts';
export type { DutyCycle } from './duty-cycle.ts';
export { decodeSegment, encodeSegment } from './segment.ts';
export type { Segment } from './segment.ts';
export type { StreamTiming } from './stream-link.ts';
export { streamPeer, streamTimings } from './stream-peer.ts';
export type { PeerTiming, StreamPeer, StreamPeerOptions } from './stream-peer.ts';
