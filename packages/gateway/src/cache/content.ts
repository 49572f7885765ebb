/**
 * Content named by what it is: a payload by the digest of its bytes, an envelope by that of its manifest. The
 * name makes every copy as good as the origin (RFC 9019 §3.2), and shows every other copy up.
 */
import { createDigest } from '@lapel/cose';
import { isDigest } from '@lapel/firmware-server';
import { isEnvelopeOf, server } from '@lapel/suit';

export interface ContentName {
  readonly kind: 'payloads' | 'manifests';
  /** SHA-256, 64 hex digits, lower case. */
  readonly digest: string;
}

/** A longer one, with images inside of it, goes past the cache: it would have to be held whole. */
export const envelopeBytesMax = 1024 * 1024;

const envelopeLimits = { ...server, envelopeBytes: envelopeBytesMax };

export const pathOf = ({ kind, digest: of }: ContentName) => `/${kind}/${of}`;
/** Both as a key and as the name of a file. */
export const fileNameOf = ({ kind, digest: of }: ContentName) => `${kind}-${of}`;

/** Undefined where the file is not one of ours. */
export function contentOfFile(fileName: string): ContentName | undefined {
  const { kind, of = '' } = /^(?<kind>payloads|manifests)-(?<of>.{64})$/.exec(fileName)?.groups ?? {};
  return isDigest(of) ? { kind: kind === 'payloads' ? 'payloads' : 'manifests', digest: of } : undefined;
}

/** Takes the content front to back, and says at its end whether it is what its name says. */
export interface Proof {
  update(chunk: Uint8Array): void;
  holds(): boolean;
}

export const proofOf = (name: ContentName): Proof =>
  name.kind === 'payloads' ? payloadProof(name.digest) : envelopeProof(name.digest);

function payloadProof(expected: string): Proof {
  const running = createDigest('sha-256');
  return {
    update: (chunk) => running.update(chunk),
    holds: () => hex(running.finish()) === expected,
  };
}

/** Nobody's signature is checked here: that is for the device, which knows whom it trusts. */
function envelopeProof(expected: string): Proof {
  const chunks: Uint8Array[] = [];
  let length = 0;
  return {
    update(chunk) {
      length += chunk.length;
      if (length <= envelopeBytesMax) chunks.push(new Uint8Array(chunk));
    },
    holds: () => length <= envelopeBytesMax && isEnvelopeOf(Buffer.concat(chunks), expected, envelopeLimits),
  };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
