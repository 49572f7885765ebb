/**
 * SUIT for Lapel: a manifest says what a device shall install and under which conditions, and is sealed by
 * its author (draft-ietf-suit-manifest-37, with trust-domains-12, update-management-14 and mud-09). Three
 * steps, each with a type that only it makes: `authenticate` (bytes and trust anchors to an
 * AuthenticManifest), `admit` (that and a Recipient to an AdmittedManifest), `run` (that to effects on the
 * world). A Recipient's answer is a SUIT_Report (draft-ietf-suit-report-19). Every failure is a SuitError
 * with a report's reason.
 */

export { admit } from './admit.ts';
export type { AdmittedManifest, DependencySupport, Floor, Recipient } from './admit.ts';
export { elementOf, innerSequences, sectionBytes, sectionNames } from './walk.ts';
export { actingDirectives, componentName, isWithin } from './trust-domains.ts';
export type { ActingDirective, Permissions, Slot } from './trust-domains.ts';
export { countedText, distinctVoices, quorums } from './trust-anchor.ts';
export type { Requirement, TrustAnchor, Vouching } from './trust-anchor.ts';
export {
  Grant,
  TrustOrder,
  anchorStates,
  grantFields,
  openTrustOrder,
  peekTrustOrder,
  permissionsIn,
  signTrustOrder,
  trustAnchorsComponent,
  trustOrderVersion,
} from './trust-order.ts';
export type { AnchorState, Change, OpenTrustOrder } from './trust-order.ts';
export { authenticate, authenticateByVoucher, readManifest, vouchFor } from './authenticate.ts';
export type { AuthenticManifest, Voucher } from './authenticate.ts';
export { allWhoVouch } from './vouching.ts';
export { readEnvelope, severableKeys, severableNames, writeEnvelope } from './envelope.ts';
export type { Envelope, SeverableName } from './envelope.ts';
export { isEnvelopeOf } from './is-envelope-of.ts';
export { classIdentifier, uuidBytes, uuidText, vendorIdentifier } from './identifiers.ts';
export { class1, linux, server } from './limits.ts';
export type { Limits } from './limits.ts';
export {
  ComponentIdentifier,
  Digest,
  Manifest,
  Parameters,
  Text,
  digestOf,
  isSevered,
  knownDigest,
  manifestVersion,
  parameterNames,
  sections,
  wrap,
} from './manifest.ts';
export type { ComponentIndex, EnterpriseNumber, KnownDigest, SectionName, Severable } from './manifest.ts';
export { comparisons, isVersionMatch, versionText } from './update-management.ts';
export type { Version, VersionMatch, WaitEvents } from './update-management.ts';
export { fileTypes } from './component-metadata.ts';
export type { ComponentMetadata } from './component-metadata.ts';
export type { ByIndex } from './by-index.ts';
export { isUsageSigner } from './usage-description.ts';
export type { UsageDescription } from './usage-description.ts';
export { PayloadFormat, compressedStream, payloadFormatVersion } from './payload-format.ts';
export { strict } from './policy.ts';
export type { Policy } from './policy.ts';
export { drive, driveSync } from './processor/drive.ts';
export type { Run } from './processor/drive.ts';
export type { Answer, Effect, EncryptionInfo, ExpectedImage } from './processor/effect.ts';
export { decrypting } from './processor/encryption.ts';
export type { DecryptionKey } from './processor/encryption.ts';
export { run } from './processor/machine.ts';
export type { Ending, Procedure } from './processor/machine.ts';
export type { Need } from './processor/needs.ts';
export type { SuitRecord } from './processor/record.ts';
export { virtualRecipient } from './processor/virtual-recipient.ts';
export type { VirtualRecipient, VirtualRecipientOptions } from './processor/virtual-recipient.ts';
export { SuitError, reportReasons } from './reason.ts';
export type { FailureReason, ReportReason, Stage } from './reason.ts';
export {
  argumentCommands,
  commonElements,
  envelopeElements,
  manifestElements,
  policyCommands,
  reporting,
} from './registry.ts';
export { capabilities } from './capability.ts';
export type { CapabilityReport, ComponentCapability } from './capability.ts';
export { requirePlausible } from './replay.ts';
export type { SystemProperties } from './report.ts';
export { Report, failureResult, openReport, reportReason, signReport } from './report.ts';
export { readSequence, writeSequence } from './sequence.ts';
export type { Command, Located } from './sequence.ts';
export { assignments, namedDependencies, summarise } from './summary.ts';
export type { NamedDependency, UpdateSummary } from './summary.ts';
