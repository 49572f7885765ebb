/** trust-domains-12: a manifest that is needed is found, checked and processed, or the update ends. */

import { encode } from '@lapel/cbor';
import type { Plan } from './forge.ts';
import { component, digestOf, firmware, forge, imageOf, manifestOf, map, obtain } from './forge.ts';
import { otherFirmware, sealed, served, set, wrapped } from './forge.ts';
import {
  bringing,
  checked,
  dependency,
  dependencyPlan,
  device,
  flipped,
  named,
  prefixed,
  remote,
  root,
  strange,
  where,
} from './domains.ts';
import { byKek, ciphers, kek, otherKek, seal } from './encrypting.ts';
import { command as c, element, parameter as p } from './numbers.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

export const dependencyFiles: ReadonlyMap<string, Uint8Array> = new Map([
  ['dependency.suit-envelope', dependency],
  ['strange-dependency.suit-envelope', strange],
]);

export const dependencies: readonly OwnVector[] = [
  accept('run', 'T01-integrated', 'a dependency in the envelope', root(), device),
  accept(
    'run',
    'T02-fetched',
    'a dependency that is fetched',
    root({ uri: where }),
    remote('dependency.suit-envelope'),
  ),
  reject(
    'run',
    'T03-fetched-strange',
    'a fetched one by nobody whom the device trusts',
    root({ uri: where }),
    remote('strange-dependency.suit-envelope'),
  ),
  reject('run', 'T04-fetched-nothing', 'nothing is there', root({ uri: where }), device),
  reject(
    'run',
    'T05-fetched-firmware',
    'what is fetched is no envelope',
    root({ uri: where }),
    remote('fw.bin'),
  ),
  reject('run', 'T06-unchecked', 'processed before its integrity is checked', root({ check: [] }), device),
  reject(
    'run',
    'T07-image-match-only',
    'an image match is no check of integrity',
    root({ check: [c.imageMatch, 15] }),
    device,
  ),
  accept(
    'run',
    'T08-image-match-too',
    'an image match covers its manifest alone',
    root({ check: [c.imageMatch, 15, c.integrity, 15] }),
    device,
  ),
  reject('run', 'T09-strange', 'carried, and signed by a stranger', root({ carried: strange }), device),
  reject('run', 'T10-flipped', 'carried, with one bit changed', root({ carried: flipped }), device),
  reject(
    'run',
    'T11-other',
    'another sound manifest than the named one',
    root({ digest: named({ ...dependencyPlan, sequenceNumber: 2 }) }),
    device,
  ),
  reject(
    'run',
    'T12-digest-of-envelope',
    'named by the digest of its envelope',
    root({ digest: [p.digest, wrapped(digestOf(dependency))] }),
    device,
  ),
  reject(
    'run',
    'T13-digest-unset',
    'named by no digest',
    root({ resolution: [c.index, 1, ...set([p.uri, '#dependency']), c.fetch, 15, ...checked] }),
    device,
  ),
  reject(
    'setup',
    'T14-never-processed',
    'listed, and never processed',
    root({
      resolution: bringing('#dependency', named()),
      install: [c.index, 0, ...obtain],
      validate: [c.index, 0, c.imageMatch, 15],
    }),
    device,
  ),
  reject(
    'run',
    'T15-install-left-out',
    'its install is left out',
    root({ install: [c.index, 0, ...obtain] }),
    device,
  ),
  reject(
    'run',
    'T16-validate-left-out',
    'its validate is left out',
    root({ validate: [c.index, 0, c.imageMatch, 15] }),
    device,
  ),
  reject(
    'run',
    'T17-process-other',
    'a component that is no dependency is processed',
    root({ install: [c.index, 0, ...checked] }),
    device,
  ),
  reject(
    'setup',
    'T18-index-gap',
    'a dependency beyond the list and no next one',
    root({ dependencies: map([3, map()]) }),
    device,
  ),
  reject(
    'parse',
    'T19-dependencies-empty',
    'a map of no dependencies',
    root({ dependencies: map() }),
    device,
  ),
  reject('parse', 'T20-dependencies-array', 'a list of dependencies', root({ dependencies: [1] }), device),
  reject(
    'setup',
    'T21-metadata-unknown',
    'metadata that nobody knows',
    root({ dependencies: map([1, map([2, 1])]) }),
    device,
  ),
  accept(
    'run',
    'T22-prefix',
    'a prefix before its components',
    root({ dependencies: prefixed(component(3)) }),
    device,
  ),
  reject(
    'run',
    'T23-prefix-unknown',
    'a prefix that the device does not have',
    root({ dependencies: prefixed(component(4)) }),
    device,
  ),
  accept(
    'run',
    'T24-behind',
    'a dependency behind the components, named by its prefix',
    root({ components: [component(0)], dependencies: prefixed(component(2)) }),
    device,
  ),
  reject(
    'setup',
    'T25-behind-nameless',
    'behind the components and without a name',
    root({ components: [component(0)] }),
    device,
  ),
  accept(
    'run',
    'T26-is-dependency',
    'told apart from other components',
    root({
      install: [c.index, true, c.tryEach, [wrapped([c.isDependency, 15, ...checked]), wrapped(obtain)]],
    }),
    device,
  ),
  reject(
    'run',
    'T27-is-dependency-not',
    'a component that is no dependency',
    root({ install: [c.index, 0, c.isDependency, 15, ...obtain] }),
    device,
  ),
  reject(
    'run',
    'T28-changed-after-check',
    'fetched anew behind its check',
    root({ resolution: [...bringing('#dependency', named()), c.integrity, 15, c.fetch, 15, c.process, 15] }),
    device,
  ),
  reject(
    'setup',
    'T29-unknown-component',
    'no place for its envelope',
    root({ components: [component(0), component(9)] }),
    device,
  ),
  reject('run', 'T30-rollback', 'its own sequence number is below the device’s', sequenced(), {
    ...device,
    device: { ...device.device, sequence: 1 },
  }),
  reject(
    'run',
    'T31-image-other',
    'its image is another',
    root({ carried: imageIn(otherFirmware), digest: named(imagePlan(otherFirmware)) }),
    device,
  ),
  accept(
    'run',
    'T32-candidate',
    'what was staged is compared before it is installed',
    candidate(firmware),
    served,
  ),
  reject('run', 'T33-candidate-other', 'what was staged is another', candidate(otherFirmware), served),
  accept('run', 'T34-resolution-severed', 'a severed dependency resolution', severedResolution(), served),
  accept('run', 'T35-hidden', 'a dependency that is decrypted as it is fetched', hidden(), device),
  reject('run', 'T36-hidden-other-key', 'one that is for another device', hidden(otherKek), device),
  reject(
    'run',
    'T37-hidden-as-it-is',
    'a ciphertext, and nothing that opens it',
    root({ carried: ciphertextFor(kek).ciphertext }),
    device,
  ),
];

function imagePlan(image: Uint8Array): Plan {
  return {
    ...dependencyPlan,
    install: [...set(...imageOf(image), [p.uri, 'http://e.example/f']), c.fetch, 15, c.imageMatch, 15],
  };
}
function imageIn(image: Uint8Array): Uint8Array {
  return forge(imagePlan(image));
}

/** The root is as new as it must be; what it needs is older. */
function sequenced(): Uint8Array {
  const old: Plan = { ...dependencyPlan, sequenceNumber: 0 };
  return root({ carried: forge(old), digest: named(old) });
}

function candidate(staged: Uint8Array): Uint8Array {
  const elements = new Map([
    [element.payloadFetch, wrapped(obtain.slice(0, -2))],
    [element.candidate, wrapped([...set(...imageOf(staged)), c.imageMatch, 15])],
  ]);
  return forge({ install: set([p.strictOrder, true]), elements });
}

function severedResolution(): Uint8Array {
  const resolution = wrapped(set([p.strictOrder, true]));
  const manifest = manifestOf({ elements: new Map([[element.resolution, digestOf(encode(resolution))]]) });
  return sealed(manifest, { envelope: [[element.resolution, resolution]] });
}

function ciphertextFor(key: Uint8Array) {
  return seal(ciphers.A128GCM, dependency, byKek(key));
}

function hidden(key = kek): Uint8Array {
  const { info, ciphertext } = ciphertextFor(key);
  const parameters = set([p.uri, '#dependency'], named(), [p.encryptionInfo, info]);
  return root({ carried: ciphertext, resolution: [c.index, 1, ...parameters, c.fetch, 15, ...checked] });
}
