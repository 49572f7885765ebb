/**
 * What each profile of Recipient can afford. Everything from outside is held against these before it costs
 * memory: RFC 7228 calls a device with about 10 KiB of RAM and 100 KiB of flash Class 1.
 */

export interface Limits {
  readonly envelopeBytes: number;
  readonly components: number;
  /** How deep try-each and run-sequence may stand in each other. */
  readonly nestingDepth: number;
  /** Commands run in one procedure, repetitions per component included. */
  readonly commands: number;
  /** Bytes of a component that check-content compares with. */
  readonly contentBytes: number;
}

export const class1: Limits = {
  envelopeBytes: 4096,
  components: 4,
  nestingDepth: 4,
  commands: 256,
  contentBytes: 256,
};

export const linux: Limits = {
  envelopeBytes: 64 * 1024,
  components: 32,
  nestingDepth: 8,
  commands: 4096,
  contentBytes: 4096,
};

/** Envelopes on a server may carry a whole image (§7.5). */
export const server: Limits = {
  envelopeBytes: 16 * 1024 * 1024,
  components: 128,
  nestingDepth: 8,
  commands: 16_384,
  contentBytes: 64 * 1024,
};
