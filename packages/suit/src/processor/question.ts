/**
 * The rows of the table in draft-ietf-suit-manifest-37 §6.4 that touch the world, each for one component:
 * what it asks, and what the answer means. To a condition it means why it failed, or undefined; a directive
 * that fails throws, and so aborts (§6.4).
 */

import { hex, shown } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { ComponentIdentifier, Parameters } from '../manifest.ts';
import { knownDigest } from '../manifest.ts';
import { SuitError } from '../reason.ts';
import { isPermitted } from '../trust-domains.ts';
import type { PolicyCommandName } from '../registry.ts';
import type { ComponentMetadata } from '../component-metadata.ts';
import type { Effect, ExpectedImage } from './effect.ts';
import type { Question, Target } from './target.ts';
import { needed, operationFailed } from './target.ts';
import { imageNotMatch, minimumBattery, updateAuthorized, useBefore, version, wait } from './manage.ts';

/** Commands that run another manifest, or make it ready to. */
type DependencyCommandName =
  'condition-dependency-integrity' | 'directive-process-dependency' | 'directive-unlink';
/** Commands whose verdict the manifest alone gives. */
type SettledCommandName = 'condition-abort' | 'condition-is-dependency';
/** Commands that ask the world, for this manifest alone. */
export type WorldCommandName = Exclude<PolicyCommandName, DependencyCommandName | SettledCommandName>;
type DirectiveName = Exclude<Extract<WorldCommandName, `directive-${string}`>, 'directive-wait'>;

type ComponentEffect = Extract<
  Effect,
  { readonly expected: ExpectedImage } | { readonly do: 'swap' | 'invoke' }
>;

/** A text is why a condition fails that has nothing to ask: its parameter is not set (§8.4.9). */
export function questionOf(name: WorldCommandName, target: Target): Question | string {
  const { component, parameters } = target;
  switch (name) {
    case 'condition-vendor-identifier':
      return identify('vendor', parameters.vendorIdentifier, component);
    case 'condition-class-identifier':
      return identify('class', parameters.classIdentifier, component);
    case 'condition-device-identifier':
      return identify('device', parameters.deviceIdentifier, component);
    case 'condition-image-match':
      return imageMatch(target);
    case 'condition-component-slot':
      return componentSlot(target);
    case 'condition-check-content':
      return checkContent(target);
    case 'condition-use-before':
      return useBefore(target);
    case 'condition-image-not-match':
      return imageNotMatch(target);
    case 'condition-minimum-battery':
      return minimumBattery(target);
    case 'condition-update-authorized':
      return updateAuthorized(target);
    case 'condition-version':
      return version(target);
    case 'directive-wait':
      return wait(target);
    default:
      return directive(directed(name, target), parameters.componentMetadata);
  }
}

/** What a directive asks of the world. */
function directed(name: DirectiveName, target: Target): ComponentEffect {
  const { component, parameters } = target;
  switch (name) {
    case 'directive-write': {
      const content = needed(parameters.content, 'content');
      return {
        do: 'write',
        component,
        content,
        ...encryption(parameters),
        expected: expectedImage(parameters),
      };
    }
    case 'directive-fetch':
      return fetch(target);
    case 'directive-copy':
      return {
        do: 'copy',
        component,
        source: source(target),
        ...encryption(parameters),
        expected: expectedImage(parameters),
      };
    case 'directive-swap':
      return { do: 'swap', component, source: ownSource(target) };
    case 'directive-invoke': {
      const { invokeArguments } = parameters;
      return {
        do: 'invoke',
        component,
        ...(invokeArguments === undefined ? {} : { arguments: invokeArguments }),
      };
    }
  }
}

const done = (): undefined => undefined;

/** Metadata goes with what makes a content (update-management §4.6), and with nothing else. */
function directive(ask: ComponentEffect, metadata: ComponentMetadata | undefined): Question {
  const makes = ask.do === 'write' || ask.do === 'fetch' || ask.do === 'copy';
  if (metadata === undefined || !makes) return { ask, judge: done };
  return { first: { do: 'describe', component: ask.component, metadata }, ask, judge: done };
}

function identify(
  which: 'vendor' | 'class' | 'device',
  identifier: Parameters['vendorIdentifier'],
  component: ComponentIdentifier,
): Question | string {
  if (identifier === undefined) return `expected a ${which} identifier to be set, found none`;
  return {
    ask: { do: 'identify', component, which, identifier },
    judge(answer) {
      if (answer === true) return undefined;
      const shown =
        identifier instanceof Uint8Array ? hex(identifier) : `enterprise number ${hex(identifier.pen)}`;
      return `expected a device with ${which} identifier ${shown}, found another`;
    },
  };
}

function imageMatch({ component, parameters }: Target): Question | string {
  if (parameters.imageDigest === undefined) return 'expected an image digest to be set, found none';
  const { algorithm, bytes } = knownDigest('run', parameters.imageDigest);
  const { imageSize } = parameters;
  const size = imageSize === undefined ? {} : { sizeBytes: imageSize };
  return {
    ask: { do: 'digest', component, algorithm, ...size },
    judge(found) {
      if (!(found instanceof Uint8Array)) {
        return `expected an image${imageSize === undefined ? '' : ` of ${imageSize} bytes`}, found none`;
      }
      if (equalInConstantTime(found, bytes)) return undefined;
      return `expected an image with ${algorithm} ${hex(bytes)}, found ${hex(found)}`;
    },
  };
}

function componentSlot({ component, parameters }: Target): Question | string {
  const slot = parameters.componentSlot;
  if (slot === undefined) return 'expected a component slot to be set, found none';
  return {
    ask: { do: 'slot', component, slot },
    judge: (answer) => (answer === true ? undefined : `expected slot ${slot}, found another`),
  };
}

/** §8.4.9.3: the same length, and no early exit that could tell where a difference is. */
function checkContent({ component, parameters, contentBytesMax }: Target): Question | string {
  const { content } = parameters;
  if (content === undefined) return 'expected content to be set, found none';
  const { length } = content;
  if (length > contentBytesMax) {
    return `expected content of at most ${contentBytesMax} bytes, found ${length}`;
  }
  return {
    ask: { do: 'content', component, sizeBytes: length },
    judge: (found) =>
      found instanceof Uint8Array && equalInConstantTime(found, content)
        ? undefined
        : `expected the ${length} bytes of content, found others`,
  };
}

/** §8.4.10.4; a URI that names an integrated payload is answered from the envelope (§7.5). */
function fetch({ component, isDependency, parameters, payloads }: Target): ComponentEffect {
  const uri = needed(parameters.uri, 'uri');
  const expected = expectedImage(parameters);
  const content = payloads.get(uri);
  // Trust-domains §8.2: a manifest that nobody else may read becomes one again as it is fetched.
  const hidden = isDependency ? encryption(parameters) : {};
  if (content !== undefined) return { do: 'write', component, content, ...hidden, expected };
  if (uri.startsWith('#'))
    throw operationFailed(`expected the integrated payload ${shown(uri)} in the envelope, found none`);
  const { fetchArguments } = parameters;
  const extra = fetchArguments === undefined ? {} : { arguments: fetchArguments };
  return { do: 'fetch', component, uri, ...hidden, expected, ...extra };
}

/**
 * Firmware-encryption §4: acts on write and copy. What else is fetched stays as it comes, so how its content
 * is packed is told to whoever decrypts it.
 */
function encryption({ encryptionInfo, fetchArguments }: Parameters) {
  if (encryptionInfo === undefined) return {};
  const extra = fetchArguments === undefined ? {} : { arguments: fetchArguments };
  return { encryption: encryptionInfo, ...extra };
}

function source({ parameters, components }: Target): ComponentIdentifier {
  const index = needed(parameters.sourceComponent, 'source-component');
  const found = components[index];
  if (found === undefined)
    throw operationFailed(`expected a source below ${components.length}, found ${index}`);
  return found;
}

/** What is swapped changes, too, so it must be its signer's own (manifest-37 §9). */
function ownSource(target: Target): ComponentIdentifier {
  const found = source(target);
  if (isPermitted(found, target.permissions)) return found;
  const message = "expected a source of its signer's own to swap, found another";
  throw new SuitError('run', 'component-unauthorised', message);
}

function expectedImage({ imageDigest, imageSize }: Parameters): ExpectedImage {
  return {
    ...(imageDigest === undefined ? {} : { digest: knownDigest('run', imageDigest) }),
    ...(imageSize === undefined ? {} : { sizeBytes: imageSize }),
  };
}
