/** Operators' words on the newest releases, as stores keep them: of each class the last. */
import { hex } from '@lapel/cbor';

/** Who handed it in, and when. */
interface Told {
  readonly actor: string;
  readonly atMs: number;
}

/** An operator's word on the newest release of a class, as it is kept. */
export interface Newest {
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly manifestDigest: Uint8Array;
  readonly sequenceNumber: number;
  readonly createdMs: number;
  readonly expiresMs: number;
  /** SHA-256 of `signed`. */
  readonly digest: Uint8Array;
  readonly signed: Uint8Array;
}

export interface NewestStore {
  /** @returns false where a word is kept that is not older. */
  keepNewest(newest: Newest, by: Told): Promise<boolean>;
  /** The last word on each class. */
  newest(): Promise<readonly Newest[]>;
}

/** Whether one word takes the place of the other: the later one, whichever release it names. */
export const overtakes = (
  { createdMs }: Pick<Newest, 'createdMs'>,
  known: Pick<Newest, 'createdMs'>,
): boolean => createdMs > known.createdMs;

/** A class of a vendor, as a key. */
export const lineOf = (of: Pick<Newest, 'vendor' | 'class'>): string => `${hex(of.vendor)}/${hex(of.class)}`;

/** As it stands in the audit. */
export const actOf = (newest: Newest, by: Told) => ({
  ...by,
  act: 'newest release told',
  subject: lineOf(newest),
  detail: `sequence number ${newest.sequenceNumber}, ${hex(newest.manifestDigest)}`,
});
