/** What is installed, read off the stored envelopes: what a device tells a tracker. */

import { CborError, read } from '@lapel/cbor';
import type { InstalledComponent } from '@lapel/status-tracker/protocol';
import type { AuthenticManifest, ComponentIdentifier } from '@lapel/suit';
import { Text, componentName, elementOf } from '@lapel/suit';
import type { BootDecision } from './bootloader/boot.ts';

const versionMax = 64;

/** One entry for each component that was booted; none on a device that runs nothing. */
export function inventory(decision: BootDecision): readonly InstalledComponent[] {
  if (decision.boot !== 'slot') return [];
  return decision.running.map(({ component, manifest, slot, sequenceNumber, onTrial, ...proof }) => {
    const version = versionIn(manifest, component);
    const { measurement: imageDigest, imageBytes } = proof;
    return {
      component,
      sequenceNumber,
      manifestDigest: manifest.digest.bytes,
      slot,
      imageBytes,
      onTrial,
      ...(imageDigest === undefined ? {} : { imageDigest }),
      ...(version === undefined ? {} : { version: version.slice(0, versionMax).toWellFormed() }),
    };
  });
}

/** The author's text for the component's version, in whichever language comes first. */
function versionIn(manifest: AuthenticManifest, of: ComponentIdentifier): string | undefined {
  const text = elementOf(manifest, 'text');
  if (text === undefined) return undefined;
  for (const [, language] of languagesIn(text)) {
    for (const [component, own] of language.rest) {
      if (componentName(component) === componentName(of)) return own.componentVersion;
    }
  }
  return undefined;
}

/** Text decides nothing, so text that cannot be read costs the device nothing either. */
function languagesIn(encoded: Uint8Array): Text['rest'] {
  try {
    return read(Text, encoded).rest;
  } catch (error) {
    if (error instanceof CborError) return [];
    throw error;
  }
}
