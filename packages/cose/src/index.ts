/**
 * COSE (RFC 9052, 9053) for Lapel: how a manifest, a report and a campaign are sealed, and how a payload is
 * encrypted for devices. There are signers, who hold a SigningKey, and verifiers, who hold VerificationKeys
 * and refuse with a CoseError. A key works with its own algorithm only; the algorithm is named under
 * protection; a header that nobody here knows is refused. A hash-based key is used up by signing, so it lives
 * by a ledger of its leaves. Encryption has senders, who hold a WrappingKey or RecipientPublicKey of each
 * device, and devices, who hold the other half; it proves nobody's authorship.
 */

export {
  agreementAlgorithms,
  algorithmOf,
  contentAlgorithms,
  digestAlgorithmByCode,
  digestAlgorithms,
  keyKinds,
  signatureAlgorithms,
  wrapAlgorithms,
} from './algorithms.ts';
export type {
  AgreementAlgorithm,
  AnyKeyKind,
  ContentAlgorithm,
  DigestAlgorithm,
  KeyKind,
  SignatureAlgorithm,
  WrapAlgorithm,
} from './algorithms.ts';
export { decodeKey, encodeMacKey, generateMacKey } from './any-key.ts';
export type { RunningContent } from './content.ts';
export { CoseError } from './cose-error.ts';
export type { CoseErrorKind } from './cose-error.ts';
export { createDigest, digest, equalInConstantTime, hmacSha256, uuidFromName } from './crypto.ts';
export { ecdsaNumbers } from './ecdsa-numbers.ts';
export type { RunningDigest } from './crypto.ts';
export { encryptTag, encryptFor, encryptedWith, decryptWith } from './encrypt.ts';
export type { Decryption, Encryption } from './encrypt.ts';
export { contentKey, decrypt0, encrypt0, encrypt0Tag } from './encrypt0.ts';
export type { ContentKey } from './encrypt0.ts';
export {
  decodeDecryptionKey,
  encodeWrappingKey,
  generateWrappingKey,
  recipientKey,
  recipientPublicKey,
  wrappingKey,
} from './encryption-key.ts';
export type { RecipientKey, RecipientPublicKey, WrappingKey } from './encryption-key.ts';
export { generateHssSecret, hssSigningKey } from './hss-key.ts';
export type { HssLevel } from './hss-key.ts';
export type { OnGrown } from './hss-signing.ts';
export {
  decodeSigningKey,
  decodeVerificationKey,
  encodeSigningKey,
  encodeVerificationKey,
  generateSigningKey,
  isEncryptedPem,
  isSignatureOf,
  keyToPem,
  macKey,
  readKeyPem,
} from './key.ts';
export type { MacKey, SigningKey, VerificationKey } from './key.ts';
export { joined } from './joined.ts';
export { LedgerError, beginLedger, openLedger } from './leaf-ledger.ts';
export type { HighWaterMark, LeafLedger, LeafStore, LedgerErrorKind } from './leaf-ledger.ts';
export { mac0Tag, macDetached, verifyMac0 } from './mac.ts';
export { publicKeyOf } from './public-key.ts';
export type { PublicKey } from './public-key.ts';
export {
  openSigned,
  peekSigned,
  sign1Tag,
  signAttached,
  signDetached,
  signTag,
  verifySign,
  verifySign1,
} from './sign.ts';
export { SharedSecret } from './shared-secret.ts';
