/** Everything else that reads what came from outside: each refuses with its own error, and no other. */

import { compress, delta, inspectEnvelope, inspectionText } from '@lapel/author';
import type { Item } from '@lapel/cbor';
import { CborError, Tagged, compareBytes, decode, diagnostic, encode, hex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import {
  CoseError,
  contentKey,
  decodeDecryptionKey,
  decodeSigningKey,
  decodeVerificationKey,
  decrypt0,
  decryptWith,
  digest,
  encodeSigningKey,
  encodeVerificationKey,
  encodeWrappingKey,
  macDetached,
  openSigned,
  peekSigned,
  signAttached,
  signDetached,
  signTag,
  verifyMac0,
  verifySign,
  verifySign1,
  wrappingKey,
} from '@lapel/cose';
import type { Format } from '@lapel/device/payload';
import { payloadSink, readFormat } from '@lapel/device/payload';
import { PayloadFormat, SuitError } from '@lapel/suit';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import { hidden, seededMacKey, seededSigningKey } from './fuzz-keys.ts';
import { messages } from './fuzz-messages.ts';
import { samples, seal } from './fuzz-samples.ts';
import { suitTargets } from './fuzz-suit.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { Broken, requireWritten, target } from './fuzz-target.ts';
import { seededRandom } from './random.ts';

export function decoderTargets(seed: number): readonly FuzzTarget[] {
  return [
    ...cborTargets(seed),
    ...coseTargets(seed),
    ...suitTargets(seed),
    ...protocolTargets(),
    ...payloadTargets(seed),
  ];
}

function cborTargets(seed: number): readonly FuzzTarget[] {
  const sealed = samples().map((each) => seal(each, seededMacKey(seed)));
  const originals = [...sealed, ...messages.map(({ encoded }) => encoded)];
  const longest = Math.max(...originals.map(({ length }) => length));
  const frames = originals.map(encodeFrame);
  return [
    // Looking at an envelope shows what is wrong with it, and refuses nothing.
    target('author: inspect', sealed, undefined, (input) => void inspectionText(inspectEnvelope(input))),
    target('transport: frames', frames, undefined, (input) => {
      for (const payload of frameReader(longest).push(input)) {
        if (!originals.some((each) => compareBytes(each, payload) === 0)) throw new Broken('another payload');
      }
    }),
    target('cbor: decode', originals, CborError, (input) => requireWritten(input, encode(decode(input)))),
    target('cbor: diagnostic', originals, CborError, (input) => void diagnostic(input)),
  ];
}

function coseTargets(seed: number): readonly FuzzTarget[] {
  const [signer, mac] = [seededSigningKey(seed), seededMacKey(seed)];
  const payload = new TextEncoder().encode('payload');
  const secret = mac.secret.subarray(0, 16);
  const [keys, wrapping, content] = [[signer.public], wrappingKey(secret), contentKey('A128GCM', secret)];
  const cose = (name: string, original: Uint8Array, act: (input: Uint8Array) => void) =>
    target(`cose: ${name}`, [original], CoseError, act);
  const publicKey = encodeVerificationKey(signer.public);
  return [
    cose('COSE_Sign1, detached', signDetached(signer, payload), (input) => {
      verifySign1(input, payload, keys);
    }),
    cose('COSE_Sign', coseSign(signer, payload), (input) => void verifySign(input, payload, keys)),
    cose('COSE_Sign1, attached', signAttached(signer, payload, 60), (input) => {
      requireWritten(payload, openSigned(input, keys).payload);
    }),
    cose('COSE_Sign1, unproved', signAttached(signer, payload, 60), (input) => void peekSigned(input)),
    cose('COSE_Mac0', macDetached(mac, payload), (input) => void verifyMac0(input, payload, [mac])),
    cose('COSE_Key, public', publicKey, (input) => void decodeVerificationKey(input)),
    cose('COSE_Key, private', encodeSigningKey(signer), (input) => void decodeSigningKey(input)),
    cose('COSE_Encrypt0', coseEncrypt0(secret), (input) => {
      throw new Broken(`opened with a tag that is no tag: ${hex(decrypt0(input, [content]))}`);
    }),
    cose('COSE_Encrypt', hidden(payload, secret).info, (input) => void decryptWith(input, [wrapping])),
    cose('COSE_Key, wrapping', encodeWrappingKey(wrapping), (input) => void decodeDecryptionKey(input)),
  ];
}

/** RFC 9052 §4.1: made by hand, since Lapel writes a COSE_Sign1 for each signer. */
function coseSign(key: SigningKey, payload: Uint8Array): Uint8Array {
  const parts = decode(signDetached(key, payload));
  const header = parts instanceof Tagged && Array.isArray(parts.content) ? (parts.content[0] as Item) : null;
  const none = new Uint8Array();
  const signature = key.sign(encode(['Signature', none, header, none, payload]));
  return encode(new Tagged(signTag, [none, new Map(), null, [[header, new Map(), signature]]]));
}

const gcm = encode(new Map([[1, 1]]));
const vector = new Map([[5, new Uint8Array(12)]]);

/** Its tag is the secret, so no change may open it. */
const coseEncrypt0 = (secret: Uint8Array): Uint8Array => encode([gcm, vector, secret]);

const protocolTargets = (): readonly FuzzTarget[] =>
  messages.map(({ name, encoded, again }) =>
    target(name, [encoded], CborError, (input) => requireWritten(input, again(input))),
  );

/** Payloads that are packed: nobody vouches for them before the image is whole. */
function payloadTargets(seed: number): readonly FuzzTarget[] {
  const old = seededRandom(seed).bytes(300);
  const image = Uint8Array.of(...old.subarray(100), ...new Uint8Array(90), ...old.subarray(0, 170));
  const precursor = { digest: digest('sha-256', old), sizeBytes: old.length };
  const [compressed, difference] = [compress(image), delta(old, image)];
  const unpack = (format: Format) => (payload: Uint8Array) => {
    let length = 0;
    const output = {
      offset: 0,
      push(chunk: Uint8Array) {
        length += chunk.length;
        if (length > image.length) throw new Broken(`${length} bytes of an image of ${image.length}`);
      },
    };
    const held = {
      sizeBytes: old.length,
      precursorDigest: () => precursor.digest,
      read(offset: number, bytes: number) {
        if (offset + bytes > old.length) throw new Broken(`read up to ${offset + bytes} of the precursor`);
        return old.slice(offset, offset + bytes);
      },
    };
    const sink = payloadSink({ format, output, imageBytesMax: image.length, precursor: held });
    for (let at = 0; at < payload.length; at += 50) sink.push(payload.subarray(at, at + 50));
    sink.finish();
  };
  const asDelta = unpack({ name: 'delta', sizeBytes: difference.length, precursor });
  const format = write(PayloadFormat, { version: 1, format: 'delta', sizeBytes: 99, precursor });
  return [
    target('payload: format', [format], SuitError, (input) => void readFormat(input)),
    target('payload: compressed', [compressed], SuitError, unpack({ name: 'compressed', sizeBytes: 99 })),
    target('payload: delta', [difference], SuitError, asDelta),
    // Compressed well, so that every change is one of the difference itself.
    target('payload: delta, compressed anew', [plain(difference)], SuitError, (input) => {
      if (input.length <= 4096) asDelta(compress(input));
    }),
  ];
}

/** What a compressed stream holds. */
function plain(compressed: Uint8Array): Uint8Array {
  const found: number[] = [];
  const output = { offset: 0, push: (chunk: Uint8Array) => void found.push(...chunk) };
  const format: Format = { name: 'compressed', sizeBytes: compressed.length };
  payloadSink({ format, output, imageBytesMax: 4096, precursor: undefined }).push(compressed);
  return Uint8Array.from(found);
}
