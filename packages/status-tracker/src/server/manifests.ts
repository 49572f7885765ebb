/**
 * The manifests that the words of devices are held against. The tracker is given envelopes by its firmware
 * server and believes none of them unproven: each is authenticated here, with the authors' keys.
 */
import { hex } from '@lapel/cbor';
import type { AuthenticManifest, SectionName, SeverableName, TrustAnchor } from '@lapel/suit';
import {
  SuitError,
  authenticate,
  isSevered,
  sectionNames,
  server,
  severableNames,
  summarise,
} from '@lapel/suit';
import type { Releases } from './campaign.ts';

/** The manifest, or why there is none to hold anything against. */
export type Found = { readonly manifest: AuthenticManifest } | { readonly missing: string };

export interface Manifests {
  find(digest: Uint8Array): Promise<Found>;
}

/** What a fleet runs and is on its way to, for some classes; an envelope here has at most 64 KiB. */
const keptMax = 64;

export function createManifests(releases: Releases, authors: readonly TrustAnchor[]): Manifests {
  const kept = new Map<string, Found>();

  return {
    async find(digest) {
      if (authors.length === 0) return { missing: 'the tracker has no keys of authors' };
      const name = hex(digest);
      const known = kept.get(name);
      if (known !== undefined) return known;
      const envelope = (await releases(digest))?.envelope;
      // It may be published later, so that it is missing is not remembered.
      if (envelope === undefined) return { missing: `the tracker has no envelope of manifest ${name}` };
      const found = foundIn(envelope, name, authors);
      const [oldest] = kept.keys();
      if (kept.size === keptMax && oldest !== undefined) kept.delete(oldest);
      kept.set(name, found);
      return found;
    },
  };
}

function foundIn(envelope: Uint8Array, name: string, authors: readonly TrustAnchor[]): Found {
  try {
    const manifest = authenticate(envelope, authors, server);
    if (hex(manifest.digest.bytes) !== name)
      return { missing: `the envelope of manifest ${name} holds another` };
    // Whoever looks into it finds every sequence and every parameter readable.
    summarise(manifest, server);
    const lost = sequenceCutOff(manifest);
    return lost === undefined ? { manifest } : { missing: `the envelope lacks the sequence ${lost}` };
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return { missing: `${error.reason}: ${error.message}` };
  }
}

/** What was cut off can't contradict anybody. */
const sequenceCutOff = ({ manifest, envelope }: AuthenticManifest): string | undefined =>
  severableNames.find((name) => {
    const element = manifest[name];
    const isSequence = (sectionNames as readonly (SectionName | SeverableName)[]).includes(name);
    return isSequence && element !== undefined && isSevered(element) && envelope.severed[name] === undefined;
  });
