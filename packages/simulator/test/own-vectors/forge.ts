/** Envelopes from plain numbers and bytes, sealed with keys that never change: sound ones, and any others. */

import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { Item } from '@lapel/cbor';
import { Tagged, Writer, encode, major } from '@lapel/cbor';
import { joined } from '@lapel/cose';
import { command, element, parameter } from './numbers.ts';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const sha256Of = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest());

/** Ed25519 (RFC 8410 §7), whose signatures hold nothing of chance. */
const signer = (name: string) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256Of(utf8(name))]),
    format: 'der',
    type: 'pkcs8',
  });
const signers = {
  author: signer('author of the vectors'),
  other: signer('another author of the vectors'),
  stranger: signer('nobody whom the device trusts'),
};
export type SignerName = keyof typeof signers;
export const macSecret = sha256Of(utf8('secret of the vectors'));

export const publicPem = (name: SignerName): string =>
  createPublicKey(signers[name]).export({ type: 'spki', format: 'pem' }) as string;

export const vendorId = sha256Of(utf8('vendor of the vectors')).subarray(0, 16);
export const classId = sha256Of(utf8('class of the vectors')).subarray(0, 16);
export const deviceId = sha256Of(utf8('device of the vectors')).subarray(0, 16);

export const firmware = utf8('firmware of the vectors, release 2');
export const otherFirmware = utf8('firmware of the vectors, release 1');
export const uri = 'http://e.example/f';

/** What a server has, for the vectors that fetch. */
export const served = { payloads: { [uri]: 'fw.bin' } };

/** SUIT_Digest: of raw bytes for an image, of a bstr with its head for a manifest. */
export const digestOf = (bytes: Uint8Array): readonly Item[] => [-16, sha256Of(bytes)];
export const map = (...pairs: readonly (readonly [Item, Item])[]): ReadonlyMap<Item, Item> => new Map(pairs);
/** An encoded item in a byte string. */
export const wrapped = (item: Item): Uint8Array => encode(item);

/** The parameters that name an image. */
export const imageOf = (image: Uint8Array): readonly (readonly [Item, Item])[] => [
  [parameter.digest, wrapped(digestOf(image))],
  [parameter.size, image.length],
];
export const compatible: readonly Item[] = [
  command.override,
  map([parameter.vendor, vendorId], [parameter.class, classId]),
  ...[command.vendor, 15, command.class, 15],
];
export const set = (...pairs: readonly (readonly [Item, Item])[]): readonly Item[] => [
  command.override,
  map(...pairs),
];
export const obtain: readonly Item[] = [
  ...set(...imageOf(firmware), [parameter.uri, uri]),
  ...[command.fetch, 15, command.imageMatch, 15],
];

export interface Plan {
  readonly sequenceNumber?: Item;
  readonly components?: Item;
  readonly dependencies?: Item;
  readonly shared?: readonly Item[];
  readonly install?: readonly Item[];
  readonly validate?: readonly Item[];
  /** Further elements of the manifest, or others in place of the usual ones; undefined leaves one out. */
  readonly elements?: ReadonlyMap<number, Item | undefined>;
  /** Further elements of the envelope. */
  readonly envelope?: readonly (readonly [Item, Item])[];
  readonly by?: SignerName;
}

export const component = (...parts: readonly number[]): readonly Item[] =>
  parts.map((part) => Uint8Array.of(part));

/** A manifest's elements, encoded, by their number. */
export function elementsOf({
  sequenceNumber = 1,
  components = [component(0)],
  dependencies,
  shared = compatible,
  install = obtain,
  validate = [command.imageMatch, 15],
  elements = new Map(),
}: Plan): ReadonlyMap<number, Uint8Array> {
  const common = map(
    ...(dependencies === undefined ? [] : [[1, dependencies] as const]),
    [2, components],
    [4, wrapped(shared)],
  );
  const usual: readonly (readonly [number, Item | undefined])[] = [
    [1, 1],
    [2, sequenceNumber],
    [3, wrapped(common)],
    [element.validate, wrapped(validate)],
    [element.install, wrapped(install)],
  ];
  const found = new Map<number, Uint8Array>();
  for (const [number, item] of [...usual, ...elements]) {
    if (item === undefined) found.delete(number);
    else found.set(number, encode(item));
  }
  return found;
}

/** A map of encoded pairs, in the order that they come in, whatever it is. */
export function rawMap(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
  const writer = new Writer();
  writer.head(major.map, pairs.length);
  for (const [key, value] of pairs) {
    writer.raw(key);
    writer.raw(value);
  }
  return writer.finish();
}

export const manifestOf = (plan: Plan): Uint8Array =>
  rawMap([...elementsOf(plan)].toSorted(([a], [b]) => a - b).map(([key, value]) => [encode(key), value]));

/** COSE_Sign1 over the digest, detached. */
export function signed(by: SignerName, digest: Uint8Array, header: Item = map([1, -19])): Uint8Array {
  const body = encode(header);
  const covered = encode(['Signature1', body, new Uint8Array(), digest]);
  const signature = new Uint8Array(sign(null, covered, signers[by]));
  return encode(new Tagged(18, [body, new Map(), null, signature]));
}

export function authenticated(digest: Uint8Array): Uint8Array {
  const body = encode(map([1, 5]));
  const covered = encode(['MAC0', body, new Uint8Array(), digest]);
  const tag = new Uint8Array(createHmac('sha256', macSecret).update(covered).digest());
  return encode(new Tagged(17, [body, new Map(), null, tag]));
}

/** SUIT_Authentication: the digest of a manifest in its bstr, and a block over it. */
export const wrapper = (manifest: Uint8Array, by: SignerName = 'author'): readonly Item[] => {
  const digest = encode(digestOf(encode(manifest)));
  return [digest, signed(by, digest)];
};

/** An envelope of these elements, in the order of the standard. */
export const envelopeOf = (...pairs: readonly (readonly [Item, Item])[]): Uint8Array =>
  encode(new Tagged(107, map(...pairs)));

/** Signs any bytes as a manifest. */
export const sealed = (
  manifest: Uint8Array,
  { by = 'author', envelope = [] }: Pick<Plan, 'by' | 'envelope'> = {},
): Uint8Array => envelopeOf([2, encode(wrapper(manifest, by))], [3, manifest], ...envelope);

export const forge = (plan: Plan): Uint8Array => sealed(manifestOf(plan), plan);

export const tagged107 = (content: Uint8Array): Uint8Array => joined(Uint8Array.of(0xd8, 107), content);

/** A manifest with one element changed; undefined leaves it out. */
export const withElement = (number: number, item: Item | undefined, plan: Plan = {}): Uint8Array =>
  forge({ ...plan, elements: new Map([...(plan.elements ?? []), [number, item]]) });
