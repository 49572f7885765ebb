/**
 * A manifest that nobody reads on its way (draft-ietf-suit-trust-domains-12 §8.2): the envelope, encrypted
 * for its devices, and a manifest in the open that has it fetched, decrypted, checked and processed. The one
 * in the open tells whom it is for and nothing else.
 */

import { bstr, read, write } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { AuthenticManifest, Command, ComponentIdentifier, Envelope, SectionName } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  SuitError,
  digestOf,
  manifestVersion,
  readEnvelope,
  readManifest,
  reporting,
  server,
  summarise,
  wrap,
  writeSequence,
} from '@lapel/suit';
import type { EncryptionDescription } from './encrypt-payload.ts';
import { encryptPayload } from './encrypt-payload.ts';
import type { Images } from './images.ts';

export interface HidingDescription {
  readonly encryption: EncryptionDescription;
  /** Where a device keeps the envelope that is hidden. */
  readonly place: ComponentIdentifier;
  /** Where the ciphertext will be served; without it, the manifest in the open carries it. */
  readonly uri?: string;
}

export interface HiddenManifest {
  /** In the open, to be signed. */
  readonly envelope: Envelope;
  /** What is to be served. */
  readonly ciphertext: Uint8Array;
}

/** Where a dependency is checked: once in each half of an update, and at every start. */
const checking: readonly SectionName[] = ['dependencyResolution', 'install', 'validate'];
const following: readonly SectionName[] = ['payloadFetch', 'candidateVerification', 'load', 'invoke'];
const integrated = '#manifest';

/**
 * @throws {SuitError} where the envelope can't be read, or is not for one vendor and one class.
 * @throws {ImageError} where a key can't be used.
 */
export async function hideManifest(
  signed: Uint8Array,
  { encryption, place, uri = integrated }: HidingDescription,
  images: Images,
): Promise<HiddenManifest> {
  const hidden = readEnvelope(signed, server);
  const manifest = readManifest(read(bstr, hidden.manifest));
  const parts = { manifest, envelope: hidden };
  const { info, content } = await encryptPayload(signed, encryption, images);
  const fetch = [
    set({ uri, encryptionInfo: info }),
    perform('directive-fetch'),
    perform('condition-dependency-integrity'),
    perform('directive-process-dependency'),
  ];
  const check = [perform('condition-dependency-integrity'), perform('directive-process-dependency')];
  const sequences: Partial<Record<SectionName, Uint8Array>> = {};
  for (const name of checking) {
    sequences[name] = writeSequence(name === 'dependencyResolution' ? fetch : check);
  }
  for (const name of following) {
    // Trust-domains §5.1: what the other has, cut off or not, this one must have.
    if (name in manifest) sequences[name] = writeSequence(check.slice(1));
  }
  const open = wrap(
    write(Manifest, {
      version: manifestVersion,
      sequenceNumber: manifest.sequenceNumber,
      common: {
        dependencies: [[0, {}]],
        components: [place],
        sharedSequence: writeSequence([...compatibleWith(parts), set(nameOf(hidden, signed.length))]),
      },
      ...sequences,
    }),
  );
  const named = digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', open) });
  return {
    envelope: {
      digest: write(Digest, named),
      blocks: [],
      manifest: open,
      severed: {},
      payloads: new Map(uri === integrated ? [[uri, content]] : []),
    },
    ciphertext: content,
  };
}

/** §5.2.2: over the manifest that is hidden, whatever becomes of its envelope; the size is the latter's. */
const nameOf = ({ digest: named }: Envelope, imageSize: number): Parameters => ({
  imageDigest: read(Digest, named),
  imageSize,
});

/** Whom it is for, who fetches it has to know. */
function compatibleWith(parts: Pick<AuthenticManifest, 'manifest' | 'envelope'>): readonly Command[] {
  const { vendorIdentifiers, classIdentifiers } = summarise(parts, server);
  const [[vendorIdentifier, ...vendors], [classIdentifier, ...classes]] = [
    vendorIdentifiers,
    classIdentifiers,
  ];
  const isOne = vendors.length + classes.length === 0;
  if (vendorIdentifier === undefined || classIdentifier === undefined || !isOne) {
    const found = `found ${vendorIdentifiers.length} and ${classIdentifiers.length}`;
    throw new SuitError(
      'setup',
      'condition-failed',
      `expected one vendor and one class to hide it for, ${found}`,
    );
  }
  return [
    set({ vendorIdentifier, classIdentifier }),
    perform('condition-vendor-identifier'),
    perform('condition-class-identifier'),
  ];
}
type PolicyName = Extract<Command, { readonly policy: number }>['name'];
/** §8.4.7: recorded where it fails, with what the device found. */
const perform = (name: PolicyName): Command => ({
  name,
  policy: reporting.recordOnFailure | reporting.sysinfoOnFailure,
});

const set = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});
