/** Manifests that raise the boot floor: their author's own templates have none, so they are written here. */

import { array, bytes, tuple, uint, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, signDetached } from '@lapel/cose';
import { className } from './world.ts';
import { deviceClass, vendor } from '@lapel/simulator';
import type { Command, ComponentIdentifier } from '@lapel/suit';
import { Digest, Manifest, Parameters, digestOf, wrap, writeEnvelope, writeSequence } from '@lapel/suit';

const bootFloor: ComponentIdentifier = [new TextEncoder().encode('boot-floor')];
const Content = tuple(array(bytes(1, 64), { max: 8 }), uint);

export interface FloorOrder {
  readonly component: ComponentIdentifier;
  readonly to: number;
  readonly sequence?: number;
  readonly key: SigningKey;
  /** What is written in place of component and number. */
  readonly content?: Uint8Array;
}

const set = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});

/** Signed like any manifest: a `write` to a component that every device has besides its own. */
export function floorOrder({ component, to, sequence = 1, key, content }: FloorOrder): Uint8Array {
  const shared: readonly Command[] = [
    set({ vendorIdentifier: vendor, classIdentifier: deviceClass(className) }),
    { name: 'condition-vendor-identifier', policy: 0 },
    { name: 'condition-class-identifier', policy: 0 },
  ];
  const install: readonly Command[] = [
    set({ content: content ?? write(Content, [component, to]) }),
    { name: 'directive-write', policy: 0 },
  ];
  const manifest = wrap(
    write(Manifest, {
      version: 1,
      sequenceNumber: sequence,
      common: { components: [bootFloor], sharedSequence: writeSequence(shared) },
      install: writeSequence(install),
    }),
  );
  const named = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  const blocks = [signDetached(key, named)];
  return writeEnvelope({ digest: named, blocks, manifest, severed: {}, payloads: new Map() });
}
