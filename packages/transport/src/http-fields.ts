/**
 * The header fields of HTTP that an exchange has names of its own for: entity tags and byte ranges (RFC
 * 9110 §8.8, §13, §14).
 */
import type { Request } from './exchange.ts';

/** What is inside the quotes; `W/` is dropped, since If-None-Match compares weakly (§13.1.2). */
export function readEntityTag(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  return /^(?:W\/)?"(?<tag>[^"]*)"$/.exec(field)?.groups?.['tag'];
}

export const formatEntityTag = (tag: string) => `"${tag}"`;

/** Whether an If-None-Match of any form, lists and `*` included, names this tag (§13.1.2). */
export function matchesEntityTag(field: string, tag: string): boolean {
  if (field.trim() === '*') return true;
  // Our tags are digests, so that a comma cannot be part of one.
  return field.split(',').some((one) => readEntityTag(one.trim()) === tag);
}

/**
 * One range with a first byte. Any other form, and a wrong one, is undefined and the whole is sent: §14.2
 * lets a server ignore Range, and several ranges at once or a tail of unknown start serve nobody who
 * resumes a download.
 */
export function readRange(field: string | undefined): Request['range'] {
  if (field === undefined) return undefined;
  const groups = /^bytes=(?<start>\d{1,15})-(?<end>\d{1,15})?$/.exec(field)?.groups;
  if (groups === undefined) return undefined;
  const start = Number(groups['start']);
  if (groups['end'] === undefined) return { start };
  const end = Number(groups['end']);
  return end < start ? undefined : { start, end };
}

export const formatRange = ({ start, end }: NonNullable<Request['range']>) => `bytes=${start}-${end ?? ''}`;

/** `bytes 100-199/1000` (§14.4). A server that does not know the total is of no use to one who resumes. */
export function readContentRange(
  field: string | undefined,
): { start: number; total: number; size: number } | undefined {
  if (field === undefined) return undefined;
  const groups = /^bytes (?<start>\d{1,15})-(?<end>\d{1,15})\/(?<total>\d{1,15})$/.exec(field)?.groups;
  if (groups === undefined) return undefined;
  const [start, end, total] = [Number(groups['start']), Number(groups['end']), Number(groups['total'])];
  return start <= end && end < total ? { start, total, size: end - start + 1 } : undefined;
}

/** What an answer to a range behind the end says of how much there is (§15.5.17). */
export function readTotal(field: string | undefined): number | undefined {
  const total = /^bytes \*\/(?<total>\d{1,15})$/.exec(field ?? '')?.groups?.['total'];
  return total === undefined ? undefined : Number(total);
}
