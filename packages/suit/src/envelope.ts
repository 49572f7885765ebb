/** SUIT_Envelope (draft-ietf-suit-manifest-37 §8.2): bytes to parts and back, nothing proved yet. */

import type { Infer } from '@lapel/cbor';
import {
  bstr,
  embedded,
  headed,
  mapWithRest,
  optional,
  read,
  required,
  tagged,
  text,
  write,
} from '@lapel/cbor';
import { isUntagged, legacyEnvelope } from './legacy.ts';
import type { Limits } from './limits.ts';
import { Digest, authenticationBlocksMax, envelopeTag, wrapped } from './manifest.ts';
import type { Policy } from './policy.ts';
import { strict } from './policy.ts';
import { SuitError, parsing } from './reason.ts';

const payloadNameMax = 256;
const payloadsMax = 64;

/**
 * Integer keys come before text keys and 2 before 3 in deterministic order: the wrapper precedes the
 * manifest as §8.3 demands, and a stream can be judged as it arrives.
 */
const EnvelopeElements = mapWithRest(
  {
    authentication: required(2, embedded(headed(bstr, bstr, authenticationBlocksMax))),
    manifest: required(3, wrapped),
    payloadFetch: optional(16, wrapped),
    install: optional(20, wrapped),
    text: optional(23, wrapped),
    coswid: optional(14, wrapped),
    dependencyResolution: optional(15, wrapped),
    candidateVerification: optional(18, wrapped),
  },
  { key: text(payloadNameMax), value: bstr, max: payloadsMax },
);
const TaggedEnvelope = tagged(envelopeTag, EnvelopeElements);

/** Severable elements, each of which may stand in the envelope: a byte string with its head. */
export const severableKeys = {
  payloadFetch: 16,
  install: 20,
  text: 23,
  coswid: 14,
  dependencyResolution: 15,
  candidateVerification: 18,
} as const;
export type SeverableName = keyof typeof severableKeys;
export const severableNames = Object.keys(severableKeys) as readonly SeverableName[];

export interface Envelope {
  /** The encoded SUIT_Digest: what every authentication block is computed over (§8.3). */
  readonly digest: Uint8Array;
  /** Encoded COSE objects. */
  readonly blocks: readonly Uint8Array[];
  /** The manifest as a byte string with its head: what the digest covers. */
  readonly manifest: Uint8Array;
  readonly severed: Readonly<Partial<Record<SeverableName, Uint8Array>>>;
  /** Integrated payloads by the URI that a fetch names them with (§7.5). */
  readonly payloads: ReadonlyMap<string, Uint8Array>;
}

/** @throws {SuitError} stage `parse`. */
export function readEnvelope(bytes: Uint8Array, limits: Limits, policy: Policy = strict): Envelope {
  if (bytes.length > limits.envelopeBytes) {
    const found = `expected an envelope of at most ${limits.envelopeBytes} bytes, found ${bytes.length}`;
    throw new SuitError('parse', 'cbor-parse', found);
  }
  const rule = policy.acceptsUntagged && isUntagged(bytes) ? EnvelopeElements : TaggedEnvelope;
  const legacy = rule === TaggedEnvelope ? legacyEnvelope(bytes) : undefined;
  if (legacy !== undefined) {
    throw new SuitError(
      'parse',
      'cbor-parse',
      `expected a SUIT envelope with tag ${envelopeTag}, found ${legacy}`,
    );
  }
  // What was checked is what runs, whatever becomes of the caller's buffer (RFC 9124 §4.3.21).
  const own = new Uint8Array(bytes);
  const elements = parsing('parse', 'envelope', () => read(rule, own));
  const [digest, ...blocks] = elements.authentication;
  parsing('parse', 'SUIT_Digest', () => read(Digest, digest));
  return {
    digest,
    blocks,
    manifest: elements.manifest,
    severed: present(elements),
    payloads: new Map(elements.rest),
  };
}

export function writeEnvelope({ digest, blocks, manifest, severed, payloads }: Envelope): Uint8Array {
  const elements: Infer<typeof EnvelopeElements> = {
    authentication: [digest, ...blocks],
    manifest,
    ...severed,
    rest: [...payloads],
  };
  return write(TaggedEnvelope, elements);
}

function present(elements: {
  readonly [K in SeverableName]?: Uint8Array;
}): Envelope['severed'] {
  const found: Partial<Record<SeverableName, Uint8Array>> = {};
  for (const name of severableNames) {
    const element = elements[name];
    if (element !== undefined) found[name] = element;
  }
  return found;
}
