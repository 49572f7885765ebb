/**
 * The author of RFC 9019: turns firmware into a signed envelope and hands it to a firmware server. Down
 * the flow: `parseDescription` reads what the author wants, `buildEnvelope` makes the manifest of it,
 * `signEnvelope` seals it, `inspectEnvelope` shows what it holds, `verifyEnvelope` says whether a
 * device would trust it, `publishRelease` uploads it.
 */

export { annotate } from './annotate.ts';
export type { AnnotatedLine } from './annotate.ts';
export { buildEnvelope } from './build.ts';
export type { BuildWorld } from './build.ts';
export { publishedUri } from './plan-component.ts';
export { descriptionSchema } from './description-keys.ts';
export type { JsonSchema } from './shape.ts';
export { compress } from './compress.ts';
export type { CompressOptions } from './compress.ts';
export { delta } from './delta.ts';
export { diffEnvelopes } from './diff.ts';
export type { Change, Difference } from './diff.ts';
export { parseDescription } from './describe.ts';
export { hideManifest } from './encrypt-manifest.ts';
export type { HiddenManifest, HidingDescription } from './encrypt-manifest.ts';
export { EditError, addDependency, addPayload, severEnvelope } from './edit-envelope.ts';
export type { Integrated, Integration, Severed } from './edit-envelope.ts';
export { contentAlgorithmNames, encryptionFor } from './encrypt-payload.ts';
export type { EncryptionDescription } from './encrypt-payload.ts';
export type {
  ComponentDescription,
  Description,
  ImageDescription,
  ImageFormat,
  PayloadSource,
  SlotImage,
} from './description.ts';
export type { FormattedPayload } from './format-payload.ts';
export { beginMarkFile, leafFile, markFile } from './hss-state.ts';
export { ImageError, fileImages } from './images.ts';
export type { ImageFigures, Images } from './images.ts';
export { componentText } from './inspect-manifest.ts';
export { inspectEnvelope } from './inspect.ts';
export type { Part } from './inspection.ts';
export { inspectionText } from './inspection-text.ts';
export { printable } from './printable.ts';
export type { Paint } from './inspection-text.ts';
export { DescriptionError, lineOfText } from './located.ts';
export { nearest } from './nearest.ts';
export { buildOrder, buildTrustOrder } from './order.ts';
export type { Order, TrustOrdering } from './order.ts';
export { outlineEnvelope } from './outline.ts';
export type { Outline, PublishedPayload } from './outline.ts';
export { publishRelease } from './publish.ts';
export type { Payload, Publication, Published } from './publish.ts';
export {
  filesOfTemplate,
  schemaFileName,
  startingDescription,
  templateNames,
  templateTells,
  usualAnswers,
} from './starting-descriptions.ts';
export type { StartingAnswers, TemplateName } from './starting-descriptions.ts';
export { AlreadySigned, macEnvelope, requireUnsigned, signEnvelope } from './sign.ts';
export { tellReport } from './tell-report.ts';
export type { ToldRecord, ToldReport } from './tell-report.ts';
export { verifyEnvelope } from './verify.ts';
export type { Verified } from './verify.ts';
