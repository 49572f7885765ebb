/** Releases that only some devices can read, made with the author's own tools. */

import { write } from '@lapel/cbor';
import {
  digest,
  encodeSigningKey,
  encodeWrappingKey,
  encryptFor,
  generateSigningKey,
  generateWrappingKey,
  joined,
  signDetached,
} from '@lapel/cose';
import type { ContentAlgorithm, SigningKey, WrappingKey } from '@lapel/cose';
import { publishedUri } from '@lapel/author';
import type { Secret } from '@lapel/simulator';
import { component, deviceClass, makeUpdate, vendor } from '@lapel/simulator';
import type { Command, ComponentIdentifier } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  digestOf,
  manifestVersion,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import { className } from './world.ts';

export const staging: ComponentIdentifier = [new TextEncoder().encode('download')];

/** A key of a device as it is kept there, and as an author has it. */
export type DeviceKey = WrappingKey | SigningKey;
export const shared = (): WrappingKey => generateWrappingKey('A128KW');
export const ownPair = (): SigningKey => generateSigningKey('P-256');
export const kept = (key: DeviceKey): Uint8Array =>
  key.use === 'wrap' ? encodeWrappingKey(key) : encodeSigningKey(key);

export interface EncryptedPlan {
  readonly image: Uint8Array;
  readonly sequence: number;
  readonly author: SigningKey;
  readonly keys: readonly DeviceKey[];
  readonly algorithm?: ContentAlgorithm;
  readonly format?: 'compressed' | { readonly precursor: Uint8Array };
  readonly integrated?: boolean;
}

export interface EncryptedRelease {
  readonly envelope: Uint8Array;
  /** What a device fetches. */
  readonly payloads: readonly Uint8Array[];
}

/** Fetched to `download`, matched there, decrypted into the firmware; or written from the manifest. */
export async function encryptedRelease(plan: EncryptedPlan): Promise<EncryptedRelease> {
  const { image, sequence, author, keys, algorithm, format, integrated = false } = plan;
  const payloads: Uint8Array[] = [];
  const secret: Secret = {
    keys: keys.map(kept),
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(integrated ? {} : { staging }),
  };
  const envelope = await makeUpdate({
    parts: [{ component, image, secret, ...(format === undefined ? {} : { format }) }],
    sequence,
    version: `1.${sequence}.0`,
    className,
    key: author,
    onPayload: (content) => payloads.push(content),
  });
  return { envelope, payloads };
}

/** A content for one device, and its SUIT_Encryption_Info. */
export function encryptedAs(image: Uint8Array, key: WrappingKey) {
  const { info, ...running } = encryptFor([key], 'A128GCM');
  const first = running.update(image);
  return { info, content: joined(first, running.finish()) };
}

export interface Careless {
  /** Whether the digest of the ciphertext is set. It is never compared. */
  readonly isDigestGiven?: boolean;
  readonly isPlaintextKnown?: boolean;
}

/** What an author should not make, and a device must stand. */
export function carelessEnvelope({
  image,
  payload,
  info,
  author,
  isDigestGiven = false,
  isPlaintextKnown = true,
}: Careless &
  Record<'image' | 'payload' | 'info', Uint8Array> & { readonly author: SigningKey }): Uint8Array {
  const at = (index: number): Command => ({ name: 'directive-set-component-index', index });
  const set = (parameters: Parameters): Command => ({
    name: 'directive-override-parameters',
    parameters: write(Parameters, parameters),
  });
  const perform = (name: 'condition-image-match' | 'directive-fetch' | 'directive-copy'): Command => ({
    name,
    policy: 15,
  });
  const digestIn = (content: Uint8Array): Parameters => ({
    imageDigest: digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', content) }),
  });
  const match = perform('condition-image-match');
  const compatible = set({ vendorIdentifier: vendor, classIdentifier: deviceClass(className) });
  const manifest = wrap(
    write(Manifest, {
      version: manifestVersion,
      sequenceNumber: 2,
      common: {
        components: [component, staging],
        sharedSequence: writeSequence([
          at(0),
          compatible,
          { name: 'condition-vendor-identifier', policy: 15 },
          { name: 'condition-class-identifier', policy: 15 },
        ]),
      },
      install: writeSequence([
        at(1),
        set({ uri: publishedUri(digest('sha-256', payload)), ...(isDigestGiven ? digestIn(payload) : {}) }),
        perform('directive-fetch'),
        at(0),
        set({ encryptionInfo: info, sourceComponent: 1, ...(isPlaintextKnown ? digestIn(image) : {}) }),
        perform('directive-copy'),
        match,
      ]),
      validate: writeSequence([at(0), set(digestIn(image)), match]),
    }),
  );
  const named = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  const blocks = [signDetached(author, named)];
  return writeEnvelope({ digest: named, blocks, manifest, severed: {}, payloads: new Map() });
}
