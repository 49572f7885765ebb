/**
 * Whether what a bootloader measured is what the manifest names (RFC 9019 §3, S4-126). An image that is not
 * its manifest's is evidence of tampering: with the flash, or with what the device says of it.
 */
import { compareBytes, hex } from '@lapel/cbor';
import type { AuthenticManifest } from '@lapel/suit';
import { assignments, componentName, knownDigest, server } from '@lapel/suit';
import type { InstalledComponent } from '../protocol.ts';
import { sameComponent } from './fleet.ts';
import type { Manifests } from './manifests.ts';

/** Of what is told, so that it stays a sentence. */
const nameMax = 64;
const toldMax = 3;

/** What contradicts a manifest that is known; undefined where nothing does. */
export async function suspicionOf(
  components: readonly InstalledComponent[],
  manifests: Manifests,
): Promise<string | undefined> {
  for (const { component, manifestDigest, imageDigest } of components) {
    if (imageDigest === undefined) continue;
    const found = await manifests.find(manifestDigest);
    if ('missing' in found) continue;
    const named = imageDigests(found.manifest, component);
    // A manifest without a digest for this component, or with one of another algorithm, says nothing of it.
    if (named.length === 0 || named.some((each) => compareBytes(each, imageDigest) === 0)) continue;
    const name = componentName(component).slice(0, nameMax);
    const expected = named.slice(0, toldMax).map(short).join(' or ');
    return `component ${name}: expected image ${expected}, measured ${short(imageDigest)}`;
  }
  return undefined;
}

/** Of every image that the manifest may put there. */
function imageDigests(
  authentic: AuthenticManifest,
  component: InstalledComponent['component'],
): readonly Uint8Array[] {
  const { components = [] } = authentic.manifest.common;
  const index = components.findIndex((each) => sameComponent(each, component));
  return assignments(authentic, server)
    .filter((each) => each.components.includes(index))
    .map(({ parameters }) => parameters.imageDigest)
    .filter((digest) => digest !== undefined)
    .map((digest) => knownDigest('setup', digest))
    .filter(({ algorithm }) => algorithm === 'sha-256')
    .map(({ bytes }) => bytes);
}

/** As much as two people compare; the whole of it stands in the inventory and in the manifest. */
const short = (digest: Uint8Array): string => `${hex(digest).slice(0, 16)}…`;
