/**
 * The audit of what operators did, as a chain: each entry's hash covers the entry and the hash before it.
 * Whoever keeps the last hash can tell later whether anything before it was changed, taken out or put in.
 * What is cut off at the end only a kept hash tells: so it is to be kept where the server can't reach it.
 */
import type { Infer } from '@lapel/cbor';
import { map, optional, required, tstr, uint, write } from '@lapel/cbor';
import { digest, joined } from '@lapel/cose';

const AuditRecord = map({
  /** From 0 on, without a gap. */
  number: required(1, uint),
  atMs: required(2, uint),
  actor: required(3, tstr),
  /** What the actor might do then, separated by spaces; none of who is not a person. */
  roles: required(4, tstr),
  act: required(5, tstr),
  subject: required(6, tstr),
  detail: optional(7, tstr),
});
export type AuditRecord = Infer<typeof AuditRecord>;

export interface AuditLink extends AuditRecord {
  readonly hash: Uint8Array;
}

/** What the first entry's hash covers as the one before it. */
export const chainStart: Uint8Array = new Uint8Array(32);

export function linked(before: Pick<AuditLink, 'hash'> | undefined, record: AuditRecord): AuditLink {
  const { number, atMs, actor, roles, act, subject, detail } = record;
  const told = detail === undefined ? {} : { detail };
  const bytes = write(AuditRecord, { number, atMs, actor, roles, act, subject, ...told });
  return { ...record, hash: digest('sha-256', joined(before?.hash ?? chainStart, bytes)) };
}

/** Whose token it was, of an actor who brought what somebody has signed. */
export const nameOfActor = (actor: string): string => actor.split(', signed by ', 1)[0] ?? actor;
