/**
 * What devices of a class can take, as whoever runs the server has registered it: a manifest that none of
 * them could install is refused before any of them sees it (RFC 9124 §4.3.19, REQ.SEC.MFST.CHECK).
 */
import type { DependencySupport, Limits, TrustAnchor } from '@lapel/suit';
import { SuitError, admit, assignments, authenticate, componentName } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import type { ReleaseSource } from './release.ts';
import { hex } from './release.ts';

export interface DeviceClass {
  /** For people: what a refusal calls it. */
  readonly name: string;
  readonly vendorIdentifier: Uint8Array;
  readonly classIdentifier: Uint8Array;
  readonly limits: Limits;
  /** The bytes of the largest image that there is room for, by `componentName`. */
  readonly components: ReadonlyMap<string, number>;
  /** How they follow manifests that another one needs (trust-domains-12); absent where they don't. */
  readonly dependencies?: (anchors: readonly TrustAnchor[]) => DependencySupport;
}

/** @throws {Problem} where devices of a class that the manifest is for could not install it. */
export function requireFit(
  { content, admitted }: ReleaseSource,
  envelope: Uint8Array,
  anchors: readonly TrustAnchor[],
  classes: readonly DeviceClass[],
): void {
  for (const each of classes) {
    const isMeant =
      content.vendors.includes(hex(each.vendorIdentifier)) &&
      content.classes.includes(hex(each.classIdentifier));
    if (!isMeant) continue;
    requireAdmission(envelope, anchors, each);
    requireRoom(admitted, each);
  }
}

function requireAdmission(
  envelope: Uint8Array,
  anchors: readonly TrustAnchor[],
  { name, limits, components, dependencies }: DeviceClass,
): void {
  try {
    admit(authenticate(envelope, anchors, limits), {
      limits,
      hasComponent: (component) => components.has(componentName(component)),
      floor: () => undefined,
      ...(dependencies === undefined ? {} : { dependencies: dependencies(anchors) }),
    });
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    const found = `devices of the class ${name} would refuse it, ${error.reason}: ${error.message}`;
    throw new Problem('unprocessable', found, { cause: error });
  }
}

function requireRoom({ authentic }: ReleaseSource['admitted'], { name, limits, components }: DeviceClass) {
  const identifiers = authentic.manifest.common.components ?? [];
  for (const { components: indices, parameters } of assignments(authentic, limits)) {
    const { imageSize } = parameters;
    if (imageSize === undefined) continue;
    for (const index of indices) {
      const component = componentName(identifiers[index] ?? []);
      const room = components.get(component);
      if (room === undefined || imageSize <= room) continue;
      const found = `expected an image of at most ${room} bytes for ${component}, found ${imageSize}`;
      throw new Problem('unprocessable', `devices of the class ${name} have no room for it: ${found}`);
    }
  }
}
