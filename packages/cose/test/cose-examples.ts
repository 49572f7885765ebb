/** The examples of the COSE working group: their keys, and every reader that one can be given to. */

import { readdirSync } from 'node:fs';
import type { Item } from '@lapel/cbor';
import { CborError, Reader, compareBytes, encode, unhex } from '@lapel/cbor';
import type { ContentAlgorithm, RecipientKey, VerificationKey, WrappingKey } from '@lapel/cose';
import {
  CoseError,
  contentAlgorithms,
  contentKey,
  decodeSigningKey,
  decodeVerificationKey,
  decrypt0,
  decryptWith,
  joined,
  macKey,
  openSigned,
  recipientKey,
  verifyMac0,
  verifySign,
  wrappingKey,
} from '@lapel/cose';
import { missing, vector, vectorPath } from './public-vectors.ts';

/** A key as the examples write it: JSON after RFC 7517, or the bytes of a hash-based one. */
interface ExampleKey {
  readonly kid?: string;
  readonly kid_hex?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly x_hex?: string;
  readonly y?: string;
  readonly y_hex?: string;
  readonly d?: string;
  readonly d_hex?: string;
  readonly k?: string;
  readonly k_hex?: string;
  readonly public?: string;
}

interface CoseExample {
  readonly fail?: boolean;
  readonly input: { readonly plaintext?: string; readonly plaintext_hex?: string };
  readonly output: { readonly cbor: string };
}

const folder = 'cose-wg-examples';
const utf8 = new TextEncoder();
const hexBytes = (text: string) => unhex(text.toLowerCase())!;
const contentNames = Object.keys(contentAlgorithms) as ContentAlgorithm[];

const example = (name: string) => vector<CoseExample>(folder, `${name}.json`);

/** Every one of them, as `folder/name`. */
export const exampleNames: readonly string[] = missing === false ? namesIn(vectorPath(folder)) : [];

function namesIn(path: string): readonly string[] {
  const folders = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const files = folders.flatMap(({ name }) =>
    readdirSync(`${path}/${name}`).map((file) => `${name}/${file}`),
  );
  return files.map((file) => file.replace('.json', '')).toSorted();
}

/** Whether it is wrong, by its makers' own word. */
export const isWrong = (name: string): boolean => example(name).fail === true;

/** Why no reader takes it, with all the keys that it names; undefined where one gives its content. */
export function refusalOf(name: string): string | undefined {
  const { input, output } = example(name);
  const { plaintext, plaintext_hex: inHex } = input;
  const payload = inHex === undefined ? utf8.encode(plaintext) : hexBytes(inHex);
  const cbor = hexBytes(output.cbor);
  const keys = [...keysIn(input)];
  const signers = keys.flatMap(verificationKey);
  const secrets = keys.flatMap(secretOf);
  const readers: readonly (() => Uint8Array)[] = [
    () => openSigned(cbor, signers).payload,
    () => (verifySign(detached(cbor).message, payload, signers), payload),
    () => (verifyMac0(detached(cbor).message, payload, secrets.map(macOf)), payload),
    () => decrypt0(cbor, secrets.flatMap(contentKeys)),
    () => decrypted(cbor, [...secrets.flatMap(wrapping), ...keys.flatMap(privateKey)]),
  ];
  const refusals: string[] = [];
  for (const reader of readers) {
    try {
      if (compareBytes(reader(), payload) === 0) return undefined;
      throw new Error(`${name} is read as something else`);
    } catch (error) {
      if (!(error instanceof CoseError) && !(error instanceof CborError)) throw error;
      refusals.push(error.message);
    }
  }
  return refusals.join('; ');
}

/** The examples carry their content; what Lapel reads detached is detached first. */
function detached(cbor: Uint8Array): { readonly message: Uint8Array; readonly content: Uint8Array } {
  const reader = new Reader(cbor);
  reader.tag();
  reader.array();
  reader.bstr();
  reader.skip();
  const start = reader.at;
  const content = reader.bstr();
  return { message: joined(cbor.subarray(0, start), Uint8Array.of(0xf6), cbor.subarray(reader.at)), content };
}

/** One byte at a time: in pieces a content is the same. */
function decrypted(cbor: Uint8Array, keys: readonly (WrappingKey | RecipientKey)[]): Uint8Array {
  const { message, content } = detached(cbor);
  const running = decryptWith(message, keys);
  const pieces = [...content].map((byte) => running.update(Uint8Array.of(byte)));
  return joined(...pieces, running.finish());
}

function* keysIn(value: unknown): Iterable<ExampleKey> {
  if (typeof value !== 'object' || value === null) return;
  if ('kty' in value) yield value as ExampleKey;
  for (const member of Object.values(value)) yield* keysIn(member);
}

/** The example's own name of the key, in place of the thumbprint. */
const kidOf = ({ kid, kid_hex: inHex }: ExampleKey): Uint8Array =>
  inHex === undefined ? utf8.encode(kid) : hexBytes(inHex);

const bytesOf = (text: string | undefined, inHex: string | undefined): Uint8Array | undefined =>
  inHex === undefined
    ? (text && new Uint8Array(Buffer.from(text, 'base64url'))) || undefined
    : hexBytes(inHex);

interface Secret {
  readonly secret: Uint8Array;
  readonly kid: Uint8Array;
}

function secretOf(key: ExampleKey): readonly Secret[] {
  const secret = bytesOf(key.k, key.k_hex);
  return secret === undefined ? [] : [{ secret, kid: kidOf(key) }];
}

const macOf = ({ secret, kid }: Secret) => macKey(secret, kid);

/** Of every algorithm that has keys of its length; they name none in the message. */
const contentKeys = ({ secret }: Secret) =>
  contentNames
    .filter((name) => contentAlgorithms[name].keyBytes === secret.length)
    .map((name) => contentKey(name, secret));

const wrapping = ({ secret, kid }: Secret) =>
  [16, 24, 32].includes(secret.length) ? [wrappingKey(secret, kid)] : [];

function verificationKey(key: ExampleKey): readonly VerificationKey[] {
  const numbers = numbersOf(key);
  return numbers === undefined ? [] : [{ ...decodeVerificationKey(encode(numbers)), kid: kidOf(key) }];
}

function privateKey(key: ExampleKey): readonly RecipientKey[] {
  const numbers = numbersOf(key);
  const d = bytesOf(key.d, key.d_hex);
  if (numbers === undefined || d === undefined || key.crv !== 'P-256') return [];
  const own = recipientKey(decodeSigningKey(encode(new Map([...numbers, [-4, d]]))));
  return [{ ...own, kid: kidOf(key) }];
}

/** As a COSE_Key; undefined for kinds that Lapel has no keys of. */
function numbersOf(key: ExampleKey): ReadonlyMap<Item, Item> | undefined {
  if (key.public !== undefined) {
    return new Map<Item, Item>([
      [1, 5],
      [-1, hexBytes(key.public)],
    ]);
  }
  const [kind, curve] = curves[key.crv ?? ''] ?? [];
  const [x, y] = [bytesOf(key.x, key.x_hex), bytesOf(key.y, key.y_hex)];
  if (kind === undefined || curve === undefined || x === undefined) return undefined;
  return new Map<Item, Item>([
    [1, kind],
    [-1, curve],
    [-2, x],
    ...(y === undefined ? [] : [[-3, y] as const]),
  ]);
}

const curves: Readonly<Record<string, readonly [number, number]>> = {
  'P-256': [2, 1],
  'P-384': [2, 2],
  Ed25519: [1, 6],
};
