/**
 * What an envelope says about itself, once it is proven: the catalog's entry for it. It is derived from the
 * bytes alone, so that the catalog can always be made again from the files.
 */
import type {
  AdmittedManifest,
  AuthenticManifest,
  Limits,
  Recipient,
  TrustAnchor,
  UpdateSummary,
} from '@lapel/suit';
import { admit, allWhoVouch, authenticate, componentName, summarise } from '@lapel/suit';

/** An envelope that an author has published: readable by all who plan, and safe to write as JSON. */
export interface Release {
  /** Of the manifest, in hex: what offers, reports and resources name it by. */
  readonly digest: string;
  readonly sequenceNumber: number;
  /** In hex. None means that the manifest asks for none. */
  readonly vendors: readonly string[];
  readonly classes: readonly string[];
  /** Component identifiers, their parts in hex with slashes between. */
  readonly components: readonly string[];
  readonly images: readonly Image[];
  /** Payloads that this server keeps for it, by digest. */
  readonly payloads: readonly string[];
  /** Every URI that the manifest may fetch from, as it stands there. */
  readonly uris: readonly string[];
  readonly description?: string;
  readonly version?: string;
  /** Thumbprints of the trusted keys that it is signed with, in hex. */
  readonly signers: readonly string[];
  readonly envelope: { readonly digest: string; readonly sizeBytes: number };
  readonly published: Act;
  /** Absent until an operator has released it: before that, no device is offered it. */
  readonly released?: Act;
}

export interface Image {
  readonly digest?: string;
  readonly sizeBytes?: number;
}

/** Who did it, and when by this server's clock. */
export interface Act {
  readonly by: string;
  readonly atMs: number;
}

export type ReleaseContent = Omit<Release, 'envelope' | 'published' | 'released'>;

export interface ReleaseSource {
  readonly content: ReleaseContent;
  readonly admitted: AdmittedManifest;
}

/** @throws {SuitError} where no trust anchor vouches for it, or where no device at all could run it. */
export function readRelease(
  bytes: Uint8Array,
  anchors: readonly TrustAnchor[],
  limits: Limits,
): ReleaseSource {
  const authentic = authenticate(bytes, anchors, limits);
  // REQ.SEC.MFST.CHECK: everything that a device would check before it runs a command, with any components
  // there are.
  const admitted = admit(authentic, anyRecipient(anchors, limits));
  return { admitted, content: contentOf(authentic, summarise(authentic, limits), anchors) };
}

const anyRecipient = (anchors: readonly TrustAnchor[], limits: Limits): Recipient => ({
  limits,
  dependencies: { anchors, countMax: limits.components, depthMax: limits.components },
  hasComponent: () => true,
  floor: () => undefined,
});

function contentOf(
  { digest, envelope }: AuthenticManifest,
  summary: UpdateSummary,
  anchors: readonly TrustAnchor[],
): ReleaseContent {
  const payloads = summary.uris.map(payloadOf).filter((payload) => payload !== undefined);
  return {
    digest: hex(digest.bytes),
    sequenceNumber: summary.sequenceNumber,
    vendors: summary.vendorIdentifiers.map(hex),
    classes: summary.classIdentifiers.map(hex),
    components: summary.components.map(componentName),
    images: summary.images.map(({ digest: image, sizeBytes }) => ({
      ...(image === undefined ? {} : { digest: hex(image.bytes) }),
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
    })),
    payloads: [...new Set(payloads)],
    uris: summary.uris,
    ...textsOf(summary.text),
    signers: allWhoVouch(envelope, anchors).flatMap(({ key }) =>
      key.use === 'verify' ? [hex(key.kid)] : [],
    ),
  };
}

/**
 * The digest in `../payloads/{digest}`: relative, so that every mirror and gateway serves it as well as we
 * do.
 */
export const payloadOf = (uri: string): string | undefined =>
  /^\.\.\/payloads\/(?<digest>[0-9a-f]{64})$/.exec(uri)?.groups?.['digest'];

/** One description for a list: of the languages there are, English before any other. */
function textsOf(text: UpdateSummary['text']): Pick<Release, 'description' | 'version'> {
  const languages = text?.rest ?? [];
  const [, chosen] = languages.find(([tag]) => /^en\b/i.test(tag)) ?? languages[0] ?? [];
  const description = chosen?.updateDescription ?? chosen?.manifestDescription;
  const version = chosen?.rest
    ?.map(([, component]) => component.componentVersion)
    .find((each) => each !== undefined);
  return {
    ...(description === undefined ? {} : { description }),
    ...(version === undefined ? {} : { version }),
  };
}

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
