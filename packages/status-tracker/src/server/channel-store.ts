/** Secrets that are shared with devices, as stores keep them: of each one, and which numbers are used. */

/** Who did it, and when. */
interface Done {
  readonly actor: string;
  readonly atMs: number;
}

export interface Channel {
  readonly device: string;
  /** What requests name it by; no two devices have the same. */
  readonly name: string;
  /** A `SharedSecret`, encoded. */
  readonly secret: Uint8Array;
}

export interface ChannelStore {
  /** In place of the one before. @returns false where another device's is named so. */
  keepChannel(channel: Channel, by: Done): Promise<boolean>;
  channel(name: string): Promise<Channel | undefined>;
  /**
   * So many numbers in a row that nobody has been given before, and none below `least`; nobody else gets
   * them, in whatever process. @returns the first; undefined where there is no such channel any more.
   */
  takeNumbers(name: string, count: number, least: number): Promise<number | undefined>;
}

/** As it stands in the audit. */
export const keptAct = 'channel secret kept';
