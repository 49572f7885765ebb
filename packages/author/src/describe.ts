/**
 * A description in YAML or JSON to a `Description`: everything is checked here, so that what is wrong
 * is said with its line before an image is read. docs/authoring.md tells the keys.
 */

import type { ComponentIdentifier } from '@lapel/suit';
import { classIdentifier, componentName, uuidBytes, vendorIdentifier } from '@lapel/suit';
import { uuidPattern } from './common-shapes.ts';
import type { GivenComponent } from './describe-component.ts';
import { describeComponent } from './describe-component.ts';
import type { DescribedComponentTexts } from './describe-text.ts';
import { describeText } from './describe-text.ts';
import type { Description } from './description.ts';
import { descriptionShape } from './description-keys.ts';
import { told } from './fields.ts';
import type { Located } from './located.ts';
import { locate, refusal } from './located.ts';

type Values = ReturnType<(typeof descriptionShape)['read']>;

/**
 * @param file what the text is called in messages
 * @throws {DescriptionError}
 */
export function parseDescription(text: string, file = 'description'): Description {
  const given = descriptionShape.read(locate(text, file));
  const { value, at, whole } = given;
  const vendor = named(value.vendor, vendorIdentifier);
  const deviceClass = named(value.class, (name) => classIdentifier(vendor.id, name));
  const parts = partsOf(given);
  const components = parts.map(({ id, component }) => describeComponent(id, component));
  const { dependencies, minimumBattery, useBefore, priority, waitFor, mud } = value;
  const preconditions = told({
    useBefore,
    minimumBatteryMilliwattHours: minimumBattery,
    priority,
    waitFor,
  });
  const described: Description = {
    sequence: value.sequence,
    vendorIdentifier: vendor.id,
    classIdentifier: deviceClass.id,
    components,
    // §8.4.4, update-management §3.2: both should be severable, as devices do without them.
    severable: value.severable ?? ['text', 'coswid'],
    ...told({
      deviceIdentifier: value.deviceIdentifier,
      dependencies,
      manifestComponent: value.manifestComponent,
      referenceUri: value.referenceUri,
      setVersion: value.setVersion,
      preconditions: Object.keys(preconditions).length === 0 ? undefined : preconditions,
      coswid: value.coswid,
      usageDescription: mud === undefined ? undefined : { url: mud.value.url, signer: mud.value.signer },
      candidateVerification: value.candidateVerification === true ? true : undefined,
      uninstall: value.uninstall === true ? true : undefined,
      text: describeText({
        language: value.language,
        description: value.description,
        texts: value.text,
        components: parts,
        names: { vendorDomain: vendor.name, modelInfo: deviceClass.name },
      }),
    }),
  };
  requireDistinct(whole, described);
  if (value.candidateVerification === true) requireCandidate(at.candidateVerification ?? whole, described);
  return described;
}

interface Part extends DescribedComponentTexts {
  readonly component: GivenComponent;
}

/** Each component, from either form of writing them. */
function partsOf(given: Values): readonly Part[] {
  const { component, components = [], version, requires } = given.value;
  // In the short form `description` and `text` are those of the manifest.
  if (component !== undefined) return [{ id: component, component: given, version, requires }];
  return components.map((each) => {
    const { id, version: own, description, text: texts, requires: wanted } = each.value;
    return { id, component: each, version: own, description, texts, requires: wanted };
  });
}

/** A UUID as it is, any other text as a name that one is made from (§8.4.8.2). */
function named(
  text: string,
  fromName: (name: string) => Uint8Array,
): { readonly id: Uint8Array; readonly name?: string } {
  const uuid = uuidPattern.test(text) ? uuidBytes(text) : undefined;
  if (uuid !== undefined) return { id: uuid };
  // A number is no domain to tell people of.
  return text.startsWith('pen:') ? { id: fromName(text) } : { id: fromName(text), name: text };
}

/** A component may be named once, whether as a destination, for staging, for loading or for a dependency. */
function requireDistinct(whole: Located, { components, dependencies = [] }: Description): void {
  const seen = new Set<string>();
  const all: readonly (ComponentIdentifier | undefined)[] = [
    ...components.flatMap(({ id, staging, load }) => [id, staging, load?.id]),
    ...dependencies.map(({ id }) => id),
  ];
  for (const each of all) {
    if (each === undefined) continue;
    const name = componentName(each);
    if (seen.has(name))
      throw refusal(whole, `expected each component once, found ${name} (hexadecimal) again`);
    seen.add(name);
  }
  const bootable = components.filter((component) => component.bootable).length;
  if (bootable > 1) throw refusal(whole, `expected at most one bootable component, found ${bootable}`);
}

function requireCandidate(at: Located, { components, dependencies = [] }: Description): void {
  if (dependencies.length > 0) return;
  if (components.some(({ staging }) => staging !== undefined)) return;
  throw refusal(at, 'expected candidateVerification for an image that is staged, found none');
}
