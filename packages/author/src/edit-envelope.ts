/**
 * What may be done to an envelope that is signed, since no signature covers it: severable elements are cut
 * off (draft-ietf-suit-manifest-37 §5.4.3), payloads and dependencies are put in (§7.5, trust-domains-12
 * §5.3). Digest and manifest stay as they are, to the byte.
 */

import { bstr, hex, read } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import type { Envelope, Limits, SeverableName } from '@lapel/suit';
import {
  assignments,
  isSevered,
  knownDigest,
  readEnvelope,
  readManifest,
  server,
  severableNames,
  writeEnvelope,
} from '@lapel/suit';
import { outlineEnvelope } from './outline.ts';
import { requireDigests } from './sign.ts';

/** Of an envelope that has nothing to cut off, or no place for what is to be put in. */
export class EditError extends Error {
  override readonly name = 'EditError';
  /** `there`: something is in its place already. */
  readonly kind: 'unfit' | 'there';

  constructor(kind: EditError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Severed {
  readonly bytes: Uint8Array;
  readonly names: readonly SeverableName[];
}

/**
 * Cuts elements off; all that stand in the envelope, where none is named.
 * @throws {SuitError} where the envelope is not what its digests say. @throws {EditError}
 */
export function severEnvelope(bytes: Uint8Array, wanted: readonly SeverableName[] = []): Severed {
  const envelope = readEnvelope(bytes, server);
  requireDigests(envelope);
  const there = severableNames.filter((name) => envelope.severed[name] !== undefined);
  for (const name of wanted) if (!there.includes(name)) throw notSeverable(name, envelope);
  const names = wanted.length === 0 ? there : wanted;
  if (names.length === 0) throw new EditError('unfit', 'expected severable elements, found none');
  const left = Object.entries(envelope.severed).filter(([name]) => !names.some((each) => each === name));
  return { bytes: writeEnvelope({ ...envelope, severed: Object.fromEntries(left) }), names };
}

function notSeverable(name: SeverableName, { manifest }: Envelope): EditError {
  const inside = readManifest(read(bstr, manifest))[name];
  const found =
    inside === undefined ? 'none' : isSevered(inside) ? 'it cut off already' : 'it inside the manifest';
  return new EditError('unfit', `expected ${name} outside the manifest, found ${found}`);
}

export interface Integration {
  /** What a fetch names it by, such as `#firmware`. */
  readonly uri: string;
  readonly content: Uint8Array;
}

export interface Integrated {
  readonly bytes: Uint8Array;
  /** Whether the manifest has its digest: of what is packed or encrypted it has another one. */
  readonly isNamed: boolean;
}

/**
 * Puts a payload in, where the manifest fetches one.
 * @throws {SuitError} where it would be too large. @throws {EditError} where the manifest fetches no such.
 */
export function addPayload(bytes: Uint8Array, added: Integration): Integrated {
  return integrated(bytes, added, isNamedIn(bytes, added.content));
}

/**
 * Puts the envelope of a dependency in; a manifest names it by the digest of its manifest (§5.2.2).
 * @throws {SuitError} where it is no envelope, or would be too large. @throws {EditError}
 */
export function addDependency(bytes: Uint8Array, added: Integration): Integrated {
  const { envelope } = outlineEnvelope(added.content);
  const found = integrated(bytes, added, isNamedIn(bytes, envelope.manifest));
  const { manifest } = outlineEnvelope(bytes);
  const dependencies = manifest.common.dependencies?.length ?? 0;
  if (dependencies === 0) throw new EditError('unfit', 'expected a manifest with dependencies, found none');
  if (found.isNamed) return found;
  const sum = hex(digest('sha-256', envelope.manifest));
  throw new EditError(
    'unfit',
    `expected a dependency that the manifest names by digest, found manifest ${sum}`,
  );
}

function integrated(bytes: Uint8Array, { uri, content }: Integration, isNamed: boolean): Integrated {
  const { envelope, summary } = outlineEnvelope(bytes);
  if (envelope.payloads.has(uri)) {
    throw new EditError('there', `expected no payload ${uri} in the envelope yet, found one`);
  }
  const integratedUris = summary.uris.filter((each) => each.startsWith('#'));
  if (!integratedUris.includes(uri)) {
    const known = integratedUris.length === 0 ? 'none' : integratedUris.join(', ');
    throw new EditError(
      'unfit',
      `expected a URI that the manifest fetches from its envelope (${known}), found ${uri}`,
    );
  }
  const payloads = new Map([...envelope.payloads, [uri, content]]);
  return { bytes: sound(writeEnvelope({ ...envelope, payloads }), server), isNamed };
}

/** What nobody could read again is not handed out. */
function sound(bytes: Uint8Array, limits: Limits): Uint8Array {
  readEnvelope(bytes, limits);
  return bytes;
}

function isNamedIn(bytes: Uint8Array, content: Uint8Array): boolean {
  const { manifest, envelope } = outlineEnvelope(bytes);
  return assignments({ manifest, envelope }, server).some(({ parameters: { imageDigest } }) => {
    if (imageDigest === undefined) return false;
    const { algorithm, bytes: wanted } = knownDigest('setup', imageDigest);
    return equalInConstantTime(digest(algorithm, content), wanted);
  });
}
