/**
 * The manifests that a manifest needs (trust-domains-12): devices fetch their envelopes and payloads from
 * here, too, and refuse the whole update where one of them is missing or is nobody's whom they trust.
 */
import type { AuthenticManifest, Limits, NamedDependency } from '@lapel/suit';
import { namedDependencies } from '@lapel/suit';
import { Problem, collect } from '@lapel/transport';
import type { Blobs } from './blobs.ts';
import type { ReleaseSource } from './release.ts';
import { hex, payloadOf } from './release.ts';

/** Envelopes that one update brings: above what any device reads. */
const envelopesMax = 16;

export interface Installing {
  readonly blobs: Blobs;
  readonly manifestLimits: Limits;
  /** @throws {Problem} where nobody vouches for it. */
  readonly prove: (envelope: Uint8Array) => ReleaseSource;
  /** @throws {Problem} where it could not be installed, but for what it needs itself. */
  readonly requireInstallable: (source: ReleaseSource, envelope: Uint8Array) => Promise<void>;
}

/** The manifest itself, what it needs, and what that needs. @throws {Problem} */
export async function requireAllInstallable(
  source: ReleaseSource,
  envelope: Uint8Array,
  installing: Installing,
): Promise<void> {
  const waiting = [{ source, envelope }];
  const seen = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { digest } = next.source.content;
    if (seen.has(digest)) continue;
    if (seen.size === envelopesMax) {
      throw new Problem('unprocessable', `expected at most ${envelopesMax} manifests, found one more`);
    }
    seen.add(digest);
    await installing.requireInstallable(next.source, next.envelope);
    const { authentic } = next.source.admitted;
    for (const named of namedDependencies(authentic, installing.manifestLimits)) {
      // What only devices can read, they look at themselves.
      if (named.isEncrypted) continue;
      for (const uri of new Set(named.uris)) {
        const bytes = await envelopeAt(uri, authentic, installing);
        // On another server: that one's affair.
        if (bytes === undefined) continue;
        const needed = installing.prove(bytes);
        requireNamed(needed, named);
        waiting.push({ source: needed, envelope: bytes });
      }
    }
  }
}

/** That there is one was required with the payloads. */
async function envelopeAt(
  uri: string,
  { envelope }: AuthenticManifest,
  { blobs, manifestLimits }: Installing,
): Promise<Uint8Array | undefined> {
  const integrated = envelope.payloads.get(uri);
  const digest = payloadOf(uri);
  const blob = integrated !== undefined || digest === undefined ? undefined : await blobs.get(digest);
  return blob === undefined ? integrated : collect(blob.body, manifestLimits.envelopeBytes);
}

/** Another manifest is no mistake of an attacker's here, but of an author's. */
function requireNamed({ admitted }: ReleaseSource, { digests }: NamedDependency): void {
  const { algorithm, bytes } = admitted.authentic.digest;
  if (digests.some((each) => each.algorithm === algorithm && hex(each.bytes) === hex(bytes))) return;
  const wanted = digests.map((each) => hex(each.bytes)).join(' or ');
  const found = `expected the dependency ${wanted || 'by its digest'}, found the manifest ${hex(bytes)}`;
  throw new Problem('unprocessable', found);
}
