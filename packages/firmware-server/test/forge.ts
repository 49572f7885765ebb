/** Envelopes for the tests of this room, made from the lower rooms alone: an author in forty lines. */
import { write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, generateSigningKey, signDetached } from '@lapel/cose';
import type { Command, Severable } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  Text,
  classIdentifier,
  digestOf,
  manifestVersion,
  vendorIdentifier,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';

export const author: SigningKey = generateSigningKey('P-256');
export const vendor: Uint8Array = vendorIdentifier('lapel.example');
export const lamp: Uint8Array = classIdentifier(vendor, 'lamp');
export const lock: Uint8Array = classIdentifier(vendor, 'lock');

export interface Forging {
  readonly sequenceNumber: number;
  readonly image: Uint8Array;
  /** Where devices fetch it; by default from this server. */
  readonly uri?: string;
  readonly class?: Uint8Array;
  readonly component?: string;
  readonly key?: SigningKey;
  readonly version?: string;
  readonly statedSizeBytes?: number;
  readonly integrated?: ReadonlyMap<string, Uint8Array>;
  /** Leaves the install sequence out of the envelope. */
  readonly severed?: boolean;
  /** Another manifest that it needs: the digest of that one, in hex, and where its envelope is. */
  readonly dependency?: { readonly digest: string; readonly uri: string };
}

/** The bytes of an envelope, and the digest of its manifest in hex. */
export function forge(forging: Forging): { readonly bytes: Uint8Array; readonly digest: string } {
  const { image, key = author, dependency } = forging;
  const imageDigest = digest('sha-256', image);
  const component = [new TextEncoder().encode(forging.component ?? 'app')];
  const install = writeSequence([
    ...first(forging),
    override({ uri: forging.uri ?? `../payloads/${hex(imageDigest)}` }),
    { name: 'directive-fetch', policy: 0 },
    { name: 'condition-image-match', policy: 0 },
  ]);
  const manifest = wrap(
    write(Manifest, {
      version: manifestVersion,
      sequenceNumber: forging.sequenceNumber,
      common: {
        components: dependency === undefined ? [component] : [component, [new TextEncoder().encode('other')]],
        sharedSequence: shared(forging, imageDigest),
        ...(dependency === undefined ? {} : { dependencies: [[1, {}] as const] }),
      },
      ...(dependency === undefined ? {} : { dependencyResolution: resolution(dependency) }),
      validate: writeSequence([...first(forging), { name: 'condition-image-match', policy: 0 }]),
      install: forging.severed === true ? digestOf256(wrap(install)) : install,
      text: textOf(forging, component),
    }),
  );
  const manifestDigest = digest('sha-256', manifest);
  const payload = write(Digest, digestOf({ algorithm: 'sha-256', bytes: manifestDigest }));
  const bytes = writeEnvelope({
    digest: payload,
    blocks: [signDetached(key, payload)],
    manifest,
    severed: {},
    payloads: forging.integrated ?? new Map(),
  });
  return { bytes, digest: hex(manifestDigest) };
}

function shared(forging: Forging, imageDigest: Uint8Array): Uint8Array {
  return writeSequence([
    ...first(forging),
    override({
      vendorIdentifier: vendor,
      classIdentifier: forging.class ?? lamp,
      imageDigest: digestOf({ algorithm: 'sha-256', bytes: imageDigest }),
      imageSize: forging.statedSizeBytes ?? forging.image.length,
    }),
    { name: 'condition-vendor-identifier', policy: 15 },
    { name: 'condition-class-identifier', policy: 15 },
  ]);
}

/** Of several components, which one is meant. */
const first = ({ dependency }: Forging): readonly Command[] =>
  dependency === undefined ? [] : [{ name: 'directive-set-component-index', index: 0 }];

const resolution = ({ digest: manifest, uri }: NonNullable<Forging['dependency']>): Uint8Array =>
  writeSequence([
    { name: 'directive-set-component-index', index: 1 },
    override({
      imageDigest: digestOf({ algorithm: 'sha-256', bytes: Buffer.from(manifest, 'hex') }),
      uri,
    }),
    { name: 'directive-fetch', policy: 0 },
    { name: 'condition-dependency-integrity', policy: 15 },
    { name: 'directive-process-dependency', policy: 0 },
  ]);

const override = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});

const digestOf256 = (bytes: Uint8Array): Severable =>
  digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', bytes) });

const textOf = ({ version = '1.0.0' }: Forging, component: readonly Uint8Array[]): Uint8Array =>
  write(Text, {
    rest: [
      ['en', { updateDescription: `lamp ${version}`, rest: [[component, { componentVersion: version }]] }],
    ],
  });

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
