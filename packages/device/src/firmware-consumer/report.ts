/**
 * What the device says of an update: a SUIT_Report, signed with its own key, bound by the nonce to the
 * offer it answers.
 */

import type { AuthenticManifest, Ending, Report, SuitError, SuitRecord } from '@lapel/suit';
import { digestOf, failureResult, sections, signReport } from '@lapel/suit';
import type { OfferBinding } from '../storage/slot-state.ts';
import type { TrustStore } from '../trust-store.ts';

/** The manifest that a report is about: by digest, and by its reference URI where it has one. */
export interface Reference {
  readonly digest: Uint8Array;
  readonly uri?: string;
}

export const referenceTo = ({ digest, manifest }: AuthenticManifest): Reference => ({
  digest: digest.bytes,
  ...(manifest.referenceUri === undefined ? {} : { uri: manifest.referenceUri }),
});

export const reportSuccess = (
  trust: TrustStore,
  reference: Reference,
  binding: OfferBinding,
  records: readonly SuitRecord[],
): Uint8Array => signed(trust, reference, binding, records, true);

/** The image lies ready; a restart will try it. */
export const reportPending = (
  trust: TrustStore,
  reference: Reference,
  binding: OfferBinding,
  records: readonly SuitRecord[],
): Uint8Array => signed(trust, reference, binding, records, failureResult('invoke-pending', atInvoke));

export function reportFailure(
  trust: TrustStore,
  reference: Reference,
  binding: OfferBinding,
  { failure, records }: Pick<Ending, 'failure' | 'records'>,
): Uint8Array {
  const reason = failure?.error.reason ?? 'operation-failed';
  return signed(trust, reference, binding, records, failureResult(reason, failure?.record ?? atInvoke));
}

/** A refusal before any command ran. */
export const endingOf = (error: SuitError): Ending => ({
  records: [],
  verified: [],
  failure: { error, record: { ...atInvoke, section: 0 } },
});

/** Where a trial stands or falls. */
const atInvoke: SuitRecord = {
  manifestId: [],
  section: sections.invoke,
  offset: 0,
  component: 0,
  properties: {},
};

function signed(
  trust: TrustStore,
  { digest, uri }: Reference,
  { nonce }: OfferBinding,
  records: readonly SuitRecord[],
  result: Report['result'],
): Uint8Array {
  return signReport(trust.deviceKey, {
    ...(nonce === undefined ? {} : { nonce }),
    records,
    result,
    reference: [uri ?? '', digestOf({ algorithm: 'sha-256', bytes: digest })],
  });
}
