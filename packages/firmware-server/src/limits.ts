/** What one firmware server keeps and takes. Who runs a larger one passes other limits. */
import { server } from '@lapel/suit';
import type { Limits } from '@lapel/suit';

export interface FirmwareServerLimits {
  /** One payload. */
  readonly payloadBytes: number;
  /** All envelopes and payloads together. */
  readonly storageBytes: number;
  /** Entries of the catalog, which is held in memory, at about a kibibyte each. */
  readonly published: number;
  /** For reading envelopes. */
  readonly manifest: Limits;
}

const mebibyte = 1024 * 1024;

export const firmwareServerLimits: FirmwareServerLimits = {
  payloadBytes: 512 * mebibyte,
  storageBytes: 16 * 1024 * mebibyte,
  published: 10_000,
  manifest: server,
};
