/**
 * The manifest as draft-ietf-suit-manifest-37 writes it: the CDDL of its Appendix A, as schemas that read
 * and write.
 */

import type { Infer, Reader, Schema } from '@lapel/cbor';
import {
  CborError,
  array,
  bool,
  bstr,
  bytes,
  either,
  embedded,
  int,
  major,
  map,
  mapWithRest,
  optional,
  required,
  tagged,
  text,
  tstr,
  uint,
  write,
} from '@lapel/cbor';
import { ComponentIdentifier } from './component-identifier.ts';
import { Digest } from './digest.ts';
import { Dependencies } from './trust-domains.ts';
import { UsageDescription } from './usage-description.ts';
import { ComponentMetadata } from './component-metadata.ts';
import { Seconds, Version, VersionMatch, WaitEvents } from './update-management.ts';

/** What any profile accepts; a device's own profile is narrower. */
const componentsMax = 1024;
const uriMax = 2048;

const isArray = (r: Reader) => r.peek() === major.array;

export { ComponentIdentifier };
export { Digest, digestOf, knownDigest } from './digest.ts';
export type { KnownDigest } from './digest.ts';

/**
 * A byte string kept with its head: the digest of a manifest and of a severed element covers the head too
 * (§8.3, §8.4.12).
 */
export const wrapped: Schema<Uint8Array> = {
  read(r) {
    const start = r.at;
    r.skipBstr();
    return r.bytes.subarray(start, r.at);
  },
  write: (w, value) => w.raw(value),
};

export const wrap = (content: Uint8Array): Uint8Array => write(bstr, content);

/** §8.4.10.1: one component, a list of them, or all. */
export type ComponentIndex = number | readonly number[] | true;
export const ComponentIndex: Schema<ComponentIndex> = either<number | readonly number[], true>(
  (r) => r.peek() !== major.simple,
  either<readonly number[], number>(isArray, array(uint, { min: 1, max: componentsMax }), uint, (v) =>
    Array.isArray(v),
  ),
  {
    read(r) {
      const start = r.at;
      if (!r.bool()) throw new CborError('expected component index true, found false', start);
      return true;
    },
    write: (w) => w.bool(true),
  },
  (value) => value !== true,
);

/** A private enterprise number as its relative object identifier (§8.4.8.1). */
export interface EnterpriseNumber {
  readonly pen: Uint8Array;
}

const uuid = bytes(16);
const pen: Schema<EnterpriseNumber> = {
  read: (r) => ({ pen: tagged(112, bytes(1, 16)).read(r) }),
  write: (w, value) => tagged(112, bytes(1, 16)).write(w, value.pen),
};
const vendor = either<EnterpriseNumber, Uint8Array>(
  (r) => r.peek() === major.tag,
  pen,
  uuid,
  (value): value is EnterpriseNumber => 'pen' in value,
);

/** §8.4.8; also what a report claims of a component (suit-report §5). */
export const parameterRows = {
  vendorIdentifier: optional(1, vendor),
  classIdentifier: optional(2, uuid),
  imageDigest: optional(3, embedded(Digest)),
  componentSlot: optional(5, uint),
  strictOrder: optional(12, bool),
  softFailure: optional(13, bool),
  imageSize: optional(14, uint),
  content: optional(18, bstr),
  // draft-ietf-suit-firmware-encryption-24 §4: SUIT_Encryption_Info
  encryptionInfo: optional(19, bstr),
  uri: optional(21, text(uriMax)),
  sourceComponent: optional(22, uint),
  invokeArguments: optional(23, bstr),
  deviceIdentifier: optional(24, uuid),
  fetchArguments: optional(25, bstr),
  // draft-ietf-suit-update-management-14 §4
  useBefore: optional(4, Seconds),
  minimumBattery: optional(26, uint),
  updatePriority: optional(27, int),
  version: optional(28, embedded(VersionMatch)),
  waitInfo: optional(29, embedded(WaitEvents)),
  componentMetadata: optional(30, embedded(ComponentMetadata)),
} as const;
/** §8.4.8. A parameter that is not here is unsupported, and said so when the command that sets it runs. */
export const Parameters = map(parameterRows);
export type Parameters = Infer<typeof Parameters>;
export type ParameterName = keyof Parameters;

/** Each parameter's name by its number in the registry. */
export const parameterNames: ReadonlyMap<number, ParameterName> = new Map(
  Object.entries(parameterRows).map(([name, { key }]) => [key, name as ParameterName]),
);

export const Common = map({
  dependencies: optional(1, Dependencies),
  components: optional(2, array(ComponentIdentifier, { min: 1, max: componentsMax })),
  sharedSequence: optional(4, bstr),
});

/** An element in its place, or the digest of one that was severed (§8.6). */
export type Severable = Uint8Array | Digest;
const severable = either<Digest, Uint8Array>(isArray, Digest, bstr, (value): value is Digest =>
  Array.isArray(value),
);
export const isSevered = (element: Severable): element is Digest => !(element instanceof Uint8Array);

export const Manifest = map({
  version: required(1, uint),
  sequenceNumber: required(2, uint),
  common: required(3, embedded(Common)),
  referenceUri: optional(4, text(uriMax)),
  validate: optional(7, bstr),
  load: optional(8, bstr),
  invoke: optional(9, bstr),
  payloadFetch: optional(16, severable),
  install: optional(20, severable),
  text: optional(23, severable),
  // draft-ietf-suit-update-management-14 §3
  setVersion: optional(6, embedded(Version)),
  /** RFC 9393: carried and shown, never looked into. */
  coswid: optional(14, severable),
  // draft-ietf-suit-trust-domains-12 §5.2.1, §5.5, §6, §7
  componentIdentifier: optional(5, ComponentIdentifier),
  dependencyResolution: optional(15, severable),
  candidateVerification: optional(18, severable),
  uninstall: optional(24, bstr),
  // draft-ietf-suit-mud-09 §5
  usageDescription: optional(25, embedded(UsageDescription)),
});
export type Manifest = Infer<typeof Manifest>;

/** The version of the serialisation that §8.4.1 describes. */
export const manifestVersion = 1;

/** SUIT_Authentication (§8.3): the digest, then blocks over it, each still encoded. */
export const authenticationBlocksMax = 8;

/** Command sequences of the manifest, by the name they have in its schema. */
export const sections = {
  sharedSequence: 4,
  validate: 7,
  load: 8,
  invoke: 9,
  payloadFetch: 16,
  install: 20,
  dependencyResolution: 15,
  candidateVerification: 18,
  uninstall: 24,
} as const;
export type SectionName = keyof typeof sections;

const ComponentText = map({
  vendorName: optional(1, tstr),
  modelName: optional(2, tstr),
  vendorDomain: optional(3, tstr),
  modelInfo: optional(4, tstr),
  componentDescription: optional(5, tstr),
  componentVersion: optional(6, tstr),
  // draft-ietf-suit-update-management-14 §3.3, §3.4: for people only
  versionRequired: optional(7, tstr),
  currentVersion: optional(8, tstr),
});

const LanguageText = mapWithRest(
  {
    manifestDescription: optional(1, tstr),
    updateDescription: optional(2, tstr),
    jsonSource: optional(3, tstr),
    yamlSource: optional(4, tstr),
  },
  { key: ComponentIdentifier, value: ComponentText, max: componentsMax },
);

/** §8.4.4: texts by language tag; those of a component stand behind its identifier. */
export const Text = mapWithRest({}, { key: text(64), value: LanguageText, max: 32 });
export type Text = Infer<typeof Text>;

export const envelopeTag = 107;
