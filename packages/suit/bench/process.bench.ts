/**
 * What everything around the signature costs: example 1 of Appendix B is authenticated, admitted and run,
 * against a bare verification of the same signature by node:crypto. Hashing of the image is no part of it:
 * the digest is answered as a device's hardware would.
 */

import * as node from 'node:crypto';
import { decode, encode } from '@lapel/cbor';
import type { Item, Tagged } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { readKeyPem } from '@lapel/cose';
import type { Answer, Effect, Recipient } from '@lapel/suit';
import { admit, authenticate, componentName, driveSync, linux, readEnvelope, run } from '@lapel/suit';
import { author, compatible, fetch, forge, match, set } from '../test/forge.ts';
import { missing, vectorBytes } from '../test/public-vectors.ts';
import type { Figure } from '../../../tools/figure.ts';

const blocks = 150;
/** Of each kind in turn, so that both meet the same machine. */
const perBlock = 20;

export const figures: readonly Figure[] = [
  {
    room: 'suit',
    name: 'authenticate and process example 1 of Appendix B',
    unit: '× a bare verify',
    aim: '≤ 1.35',
    atMost: 1.35,
    measure: processAgainstVerify,
  },
];

const imageDigest = Uint8Array.from(
  Buffer.from('00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210', 'hex'),
);

function processAgainstVerify(): number {
  const { envelope, key } = subject();
  const bare = bareVerify(envelope, key);
  const whole = wholeUpdate(envelope, key);
  const wholeMs: number[] = [];
  const bareMs: number[] = [];
  for (let block = 0; block < blocks; block++) {
    wholeMs.push(elapsedMs(whole));
    bareMs.push(elapsedMs(bare));
  }
  return median(wholeMs) / median(bareMs);
}

/** Blocks in which something else had the processor don't count. */
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

function elapsedMs(act: () => void): number {
  const started = performance.now();
  for (let left = perBlock; left > 0; left--) act();
  return performance.now() - started;
}

/** Example 1, or an envelope with the same commands where the public vectors are not at hand. */
function subject(): { readonly envelope: Uint8Array; readonly key: VerificationKey } {
  if (missing === false) {
    const key = readKeyPem(new TextDecoder().decode(vectorBytes('manifest-spec-37', 'public_key.pem')));
    if (key.use !== 'verify') throw new Error('expected a public key, found a private one');
    return { envelope: vectorBytes('manifest-spec-37', 'example1-signed.suit'), key };
  }
  const image = { imageDigest: [-16, imageDigest], imageSize: 34_768 } as const;
  const install = [set({ uri: 'http://example.com/file.bin' }), fetch, match];
  const envelope = forge({ shared: [set(image), ...compatible], sections: { validate: [match], install } });
  return { envelope, key: author.public };
}

function wholeUpdate(envelope: Uint8Array, key: VerificationKey): () => void {
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

function bareVerify(envelope: Uint8Array, { native: key }: VerificationKey): () => void {
  const { digest, blocks: sealed } = readEnvelope(envelope, linux);
  const { content } = decode(sealed[0]!) as Tagged;
  const [header, , , signature] = content as readonly [Uint8Array, Item, null, Uint8Array];
  const structure = encode(['Signature1', header, new Uint8Array(), digest]);
  return () => {
    if (!node.verify('sha256', structure, { key, dsaEncoding: 'ieee-p1363' }, signature)) {
      throw new Error('expected the signature of the envelope, found another');
    }
  };
}
