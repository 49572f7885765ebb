/** The keys of a security context, and what is made of them for one message (RFC 8613 §3.2.1, §5.2, §5.4). */
import { encode } from '@lapel/cbor';
import type { ChannelSecret } from '@lapel/cose/channel';
import { channelAlgorithms, hkdfSha256 } from '@lapel/cose/channel';

const { code: algorithm, keyBytes, ivBytes } = channelAlgorithms['AES-CCM-16-64-128'];

/** What both sides were given beforehand, told from one side. */
export interface OscoreSecret {
  readonly masterSecret: Uint8Array;
  readonly masterSalt?: Uint8Array;
  readonly idContext?: Uint8Array;
  readonly senderId: Uint8Array;
  readonly recipientId: Uint8Array;
}

export interface OscoreKeys {
  readonly senderKey: Uint8Array;
  readonly recipientKey: Uint8Array;
  readonly commonIv: Uint8Array;
}

/** §3.3: the nonce leaves so much room for an identifier. */
const idBytesMax = ivBytes - 6;
/** §3.2: a key of the algorithm's own strength at least. */
const secretBytesMin = keyBytes;

/** @throws {RangeError} where the secret is too short, or the identifiers are too long or the same */
export function deriveKeys(secret: OscoreSecret): OscoreKeys {
  const { masterSecret, masterSalt = nothing, idContext = null, senderId, recipientId } = secret;
  if (masterSecret.length < secretBytesMin)
    throw new RangeError(`expected a secret of ${secretBytesMin} bytes, found ${masterSecret.length}`);
  if (Math.max(senderId.length, recipientId.length) > idBytesMax)
    throw new RangeError(`expected identifiers of at most ${idBytesMax} bytes, found a longer one`);
  // §3.3: two with one identifier would use each nonce twice under one key.
  if (Buffer.compare(senderId, recipientId) === 0)
    throw new RangeError('expected two identifiers, found the same one twice');
  const derive = (id: Uint8Array, type: 'Key' | 'IV', length: number) =>
    hkdfSha256(masterSecret, {
      salt: masterSalt,
      context: encode([id, idContext, algorithm, type, length]),
      length,
    });
  return {
    senderKey: derive(senderId, 'Key', keyBytes),
    recipientKey: derive(recipientId, 'Key', keyBytes),
    commonIv: derive(nothing, 'IV', ivBytes),
  };
}

const nothing = new Uint8Array(0);
const partialIvBytes = 5;

/** §5.2: never the same for two messages under one key, as no sender uses a number twice. */
export function nonceOf(commonIv: Uint8Array, id: Uint8Array, partialIv: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(ivBytes);
  nonce[0] = id.length;
  nonce.set(id, ivBytes - partialIvBytes - id.length);
  nonce.set(partialIv, ivBytes - partialIv.length);
  return nonce.map((byte, at) => byte ^ (commonIv[at] ?? 0));
}

/** §5.4: what binds a response to its request. */
export interface RequestBinding {
  readonly kid: Uint8Array;
  readonly partialIv: Uint8Array;
}

const oscoreVersion = 1;

export const additionalData = ({ kid, partialIv }: RequestBinding): Uint8Array =>
  encode([
    'Encrypt0',
    nothing,
    // §4.1.2: no option is of Class I.
    encode([oscoreVersion, [algorithm], kid, partialIv, nothing]),
  ]);

export const secretFor = (key: Uint8Array, nonce: Uint8Array, binding: RequestBinding): ChannelSecret => ({
  key,
  nonce,
  additional: additionalData(binding),
});

/** A number as a Partial IV: as short as it goes, and one byte for zero (§5). */
export function partialIvOf(number: number): Uint8Array {
  const bytes = [];
  for (let rest = number; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256))
    bytes.unshift(rest % 256);
  return Uint8Array.from(bytes);
}

export const numberOf = (partialIv: Uint8Array): number =>
  partialIv.reduce((number, byte) => number * 256 + byte, 0);
