/**
 * What everything around the signature costs, in each way to authenticate that draft-ietf-suit-mti-23 and
 * RFC 9053 name here: example 1 of Appendix B is authenticated, admitted and run, against the bare
 * verification of the same bytes. Keys are imported; hashing of the image is no part of it, since the digest
 * is answered as a device's hardware would.
 */

import * as node from 'node:crypto';
import { decode, encode } from '@lapel/cbor';
import type { Item, Tagged } from '@lapel/cbor';
import type { KeyKind, MacKey, SigningKey, VerificationKey } from '@lapel/cose';
import {
  equalInConstantTime,
  generateHssSecret,
  generateMacKey,
  generateSigningKey,
  hmacSha256,
  hssSigningKey,
  isSignatureOf,
  macDetached,
  readKeyPem,
  signDetached,
} from '@lapel/cose';
import type { Answer, Effect, Recipient } from '@lapel/suit';
import {
  admit,
  authenticate,
  componentName,
  driveSync,
  linux,
  readEnvelope,
  run,
  writeEnvelope,
} from '@lapel/suit';
import { author, compatible, fetch, forge, match, set } from '../test/forge.ts';
import { missing, vectorBytes } from '../test/public-vectors.ts';
import type { Figure } from '../../../tools/figure.ts';

const blocks = 150;
/** Of each kind in turn, so that both meet the same machine. */
const perBlock = 20;
/** So often the machine runs before it is measured: a server's code has long been compiled, too. */
const warmUp = 20_000;

/** What a profile authenticates with, and how that is done. */
interface Way {
  readonly name: string;
  readonly subject: () => Subject;
}

interface Subject {
  readonly envelope: Uint8Array;
  readonly key: VerificationKey | MacKey;
}

const example = 'authenticate and process example 1 of Appendix B';
const unit = '× a bare verify';

export const figures: readonly Figure[] = [
  {
    room: 'suit',
    name: `${example}, ESP256`,
    unit,
    aim: '≤ 1.35',
    atMost: 1.35,
    measure: () => processAgainstVerify(published()),
  },
  {
    room: 'suit',
    name: `${example}, ESP256`,
    unit: '× a bare verify by cose, which has node:crypto read the signature in DER',
    measure: () => processAgainstVerify(published(), isSignatureOf),
  },
  ...ways().map(({ name, subject }) => ({
    room: 'suit',
    name: `${example}, ${name}`,
    unit,
    measure: () => processAgainstVerify(subject()),
  })),
];

function ways(): readonly Way[] {
  const kinds: readonly (readonly [string, KeyKind])[] = [
    ['Ed25519', 'Ed25519'],
    ['ES384', 'P-384'],
    ['ML-DSA-44', 'ML-DSA-44'],
    ['ML-DSA-65', 'ML-DSA-65'],
    ['ML-DSA-87', 'ML-DSA-87'],
  ];
  return [
    ...kinds.map(([name, kind]) => ({ name, subject: () => signed(generateSigningKey(kind)) })),
    { name: 'HSS-LMS (H5/W4)', subject: () => signed(hashBased()) },
    { name: 'HMAC 256/256', subject: authenticated },
  ];
}

const imageDigest = Uint8Array.from(
  Buffer.from('00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210', 'hex'),
);

function processAgainstVerify({ envelope, key }: Subject, proves = provesAlone): number {
  const bare = bareVerify(envelope, key, proves);
  const whole = wholeUpdate(envelope, key);
  for (let left = wasWarm ? 0 : warmUp; left > 0; left--) whole();
  wasWarm = true;
  const wholeMs: number[] = [];
  const bareMs: number[] = [];
  for (let block = 0; block < blocks; block++) {
    wholeMs.push(elapsedMs(whole));
    bareMs.push(elapsedMs(bare));
  }
  return median(wholeMs) / median(bareMs);
}
let wasWarm = false;

/** Blocks in which something else had the processor don't count. */
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

function elapsedMs(act: () => void): number {
  const started = performance.now();
  for (let left = perBlock; left > 0; left--) act();
  return performance.now() - started;
}

/** Example 1, or an envelope with the same commands where the public vectors are not at hand. */
function published(): Subject {
  if (missing !== false) return { envelope: forged(), key: author.public };
  const key = readKeyPem(new TextDecoder().decode(vectorBytes('manifest-spec-37', 'public_key.pem')));
  if (key.use !== 'verify') throw new Error('expected a public key, found a private one');
  return { envelope: vectorBytes('manifest-spec-37', 'example1-signed.suit'), key };
}

function forged(): Uint8Array {
  const image = { imageDigest: [-16, imageDigest], imageSize: 34_768 } as const;
  const install = [set({ uri: 'http://example.com/file.bin' }), fetch, match];
  return forge({ shared: [set(image), ...compatible], sections: { validate: [match], install } });
}

const signed = (key: SigningKey): Subject => ({
  envelope: sealed((digest) => signDetached(key, digest)),
  key: key.public,
});

function authenticated(): Subject {
  const key = generateMacKey();
  return { envelope: sealed((digest) => macDetached(key, digest)), key };
}

/** The same manifest with another authentication block. */
function sealed(block: (digest: Uint8Array) => Uint8Array): Uint8Array {
  const envelope = readEnvelope(published().envelope, linux);
  return writeEnvelope({ ...envelope, blocks: [block(envelope.digest)] });
}

/** Made here and used once, so its one leaf needs no ledger. */
function hashBased(): SigningKey {
  const secret = generateHssSecret([{ height: 5, digitBits: 4, hashBytes: 32 }]);
  return hssSigningKey(secret, () => ({ reserve: () => 0 }));
}

function wholeUpdate(envelope: Uint8Array, key: VerificationKey | MacKey): () => void {
  const anchors = [{ key }];
  const recipient: Recipient = {
    limits: linux,
    hasComponent: (component) => componentName(component) === '00',
    floor: () => undefined,
  };
  const answer = (effect: Effect): Answer => {
    if (effect.do === 'identify') return true;
    return effect.do === 'digest' ? imageDigest : undefined;
  };
  return () => {
    const admitted = admit(authenticate(envelope, anchors, linux), recipient);
    const { failure } = driveSync(run(admitted, 'update'), answer);
    if (failure !== undefined) throw failure.error;
  };
}

function bareVerify(envelope: Uint8Array, key: VerificationKey | MacKey, proves: typeof provesAlone) {
  const { digest, blocks: authentication } = readEnvelope(envelope, linux);
  const { content } = decode(authentication[0]!) as Tagged;
  const [header, , , proof] = content as readonly [Uint8Array, Item, null, Uint8Array];
  const context = key.use === 'mac' ? 'MAC0' : 'Signature1';
  const structure = encode([context, header, new Uint8Array(), digest]);
  return () => {
    const holds =
      key.use === 'mac'
        ? equalInConstantTime(hmacSha256(key.secret, structure), proof)
        : proves(key, structure, proof);
    if (!holds) throw new Error('expected the signature of the envelope, found another');
  };
}

/** By node:crypto alone, as COSE writes a signature; it has no hash-based ones, so those are ours. */
function provesAlone(key: VerificationKey, structure: Uint8Array, proof: Uint8Array): boolean {
  const { kind, native } = key;
  if (kind === 'HSS-LMS') return isSignatureOf(key, structure, proof);
  const hash = kind === 'P-256' ? 'sha256' : kind === 'P-384' ? 'sha384' : null;
  return node.verify(hash, structure, { key: native, dsaEncoding: 'ieee-p1363' }, proof);
}
