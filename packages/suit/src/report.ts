/**
 * SUIT_Report (draft-ietf-suit-report-19): what a Recipient says of an update, signed with its own key. Its
 * payload is attached, unlike a manifest's.
 */

import type { Infer, Schema } from '@lapel/cbor';
import {
  CborError,
  array,
  bytes,
  converted,
  either,
  int,
  major,
  map,
  named,
  optional,
  read,
  required,
  text,
  tuple,
  uint,
  write,
} from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { CoseError, openSigned, signAttached } from '@lapel/cose';
import { CapabilityReport } from './capability.ts';
import { ComponentIdentifier, Digest, Parameters, parameterRows } from './manifest.ts';
import type { SuitRecord } from './processor/record.ts';
import type { FailureReason, ReportReason } from './reason.ts';
import { SuitError, parsing, reportReasons } from './reason.ts';

const recordsMax = 64;
const manifestPathMax = 8;

const SuitRecordRule: Schema<SuitRecord> = converted(
  tuple(array(uint, { max: manifestPathMax }), int, uint, uint, Parameters),
  ([manifestId, section, offset, component, properties]) => ({
    manifestId,
    section,
    offset,
    component,
    properties,
  }),
  (record) =>
    [record.manifestId, record.section, record.offset, record.component, record.properties] as const,
);

/** §5: what the system found a component to be, not what a manifest said of it. */
const SystemProperties = map({ systemComponent: required(0, ComponentIdentifier), ...parameterRows });
export type SystemProperties = Infer<typeof SystemProperties>;

export const isRecord = (entry: SuitRecord | SystemProperties): entry is SuitRecord => 'manifestId' in entry;

const Entry = either<SuitRecord, SystemProperties>(
  (r) => r.peek() === major.array,
  SuitRecordRule,
  SystemProperties,
  isRecord,
);

const Failure = map({
  code: required(5, int),
  record: required(6, SuitRecordRule),
  reason: required(7, named('report reason', reportReasons)),
});

const succeeded: Schema<true> = {
  read(r) {
    const start = r.at;
    if (!r.bool()) throw new CborError('expected true or a failure, found false', start);
    return true;
  },
  write: (w) => w.bool(true),
};

/** §3; the nonce binds a report to the offer that it answers, so that an old one cannot be told again. */
export const Report = map({
  nonce: optional(2, bytes(8, 64)),
  records: required(3, array(Entry, { max: recordsMax })),
  result: required(
    4,
    either<true, Infer<typeof Failure>>(
      (r) => r.peek() === major.simple,
      succeeded,
      Failure,
      (value) => value === true,
    ),
  ),
  /** §6. */
  capability: optional(8, CapabilityReport),
  reference: required(99, tuple(text(2048), Digest)),
});
export type Report = Infer<typeof Report>;
export type ReportFailure = Infer<typeof Failure>;

/** CoAP Content-Format of a SUIT report (§9 registers 270). */
const reportContentFormat = 270;

export const signReport = (key: SigningKey, report: Report): Uint8Array =>
  signAttached(key, write(Report, report), reportContentFormat);

/** @throws {SuitError} where no key of `keys` signed it, or it is no report. */
export function openReport(
  encoded: Uint8Array,
  keys: readonly VerificationKey[],
): { readonly report: Report; readonly key: VerificationKey } {
  try {
    const { payload, key } = openSigned(encoded, keys);
    return { report: parsing('parse', 'SUIT_Report', () => read(Report, payload)), key };
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new SuitError('auth', 'unauthorised', `SUIT_Report: ${error.message}`, { cause: error });
  }
}

/** How a result reads in one word: `ok`, or the reason. */
export const reportReason = ({ result }: Report): ReportReason => (result === true ? 'ok' : result.reason);

/**
 * The result of a failed update. The code is the reason's own number: nothing more detailed is registered.
 */
export const failureResult = (
  reason: FailureReason | 'invoke-pending',
  record: SuitRecord,
): ReportFailure => ({
  code: reportReasons[reason],
  record,
  reason,
});
