/**
 * What is said of a transparency log: its entries, and its head, which the tracker signs (RFC 9162 §4.10, in
 * the formats of this house). A head that is kept is what a later one must continue. Without witnesses that
 * compare what they were shown, a tracker could still show two lists to two people: the log makes that
 * provable as soon as two heads meet, and claims no more.
 */
import type { Infer } from '@lapel/cbor';
import { CborError, bytes, exactly, map, named, read, required, uint, write } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { CoseError, digest, openSigned, signAttached } from '@lapel/cose';

const version = required(1, exactly(1));
const sha256 = bytes(32);

/** What may change what devices run. */
export const logKinds = { release: 1, campaign: 2, order: 3 } as const;
export type LogKind = keyof typeof logKinds;

/** Names a thing by its digest; nothing in it depends on when it was logged, so that none is logged twice. */
export const LogEntry = map({
  version,
  kind: required(2, named('kind of entry', logKinds)),
  /** Of a release, its manifest's; of what was signed, that of the whole COSE_Sign1. */
  digest: required(3, sha256),
});
export type LogEntry = Infer<typeof LogEntry>;

export const encodeLogEntry = (kind: LogKind, of: Uint8Array): Uint8Array =>
  write(LogEntry, { version: 1, kind, digest: of });

/** The entry of a signed campaign or order. */
export const entryOfSigned = (kind: Exclude<LogKind, 'release'>, signed: Uint8Array): Uint8Array =>
  encodeLogEntry(kind, digest('sha-256', signed));

export const TreeHead = map({
  version,
  size: required(2, uint),
  root: required(3, sha256),
  /** When it was signed, milliseconds since 1970. */
  wallMs: required(4, uint),
});
export type TreeHead = Infer<typeof TreeHead>;

const contentType = 'application/lapel-tree-head+cbor';

export const sealTreeHead = (key: SigningKey, head: Omit<TreeHead, 'version'>): Uint8Array =>
  signAttached(key, write(TreeHead, { version: 1, ...head }), contentType);

/** @throws {CoseError} where no key of `trackers` signed it, or it is no tree head. */
export function openTreeHead(signed: Uint8Array, trackers: readonly VerificationKey[]): TreeHead {
  try {
    return read(TreeHead, openSigned(signed, trackers).payload);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new CoseError('malformed', `tree head: ${error.message}`, { cause: error });
  }
}
