/**
 * Whether a report can be true (draft-ietf-suit-report-19 §7): its records are held against the commands of
 * the manifest that it is about, where the tracker has that manifest. Where not, the evidence says so.
 */
import type { Report } from '@lapel/suit';
import { SuitError, requirePlausible } from '@lapel/suit';
import type { Manifests } from './manifests.ts';
import type { Replay } from './store.ts';

/** @param digest of the manifest that the report refers to. */
export async function replay(report: Report, digest: Uint8Array, manifests: Manifests): Promise<Replay> {
  const found = await manifests.find(digest);
  if ('missing' in found) return { end: 'not-replayed', because: found.missing };
  try {
    // The store holds the nonce against the offer that it was sent with.
    requirePlausible(report, found.manifest, undefined);
    return { end: 'plausible' };
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return { end: 'contradicted', because: error.message };
  }
}
