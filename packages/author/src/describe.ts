/**
 * A description in YAML or JSON to a `Description`: everything is checked here, so that what is wrong
 * is said with its line before an image is read. docs/authoring.md tells the keys.
 */

import type { SeverableName } from '@lapel/suit';
import { classIdentifier, componentName, uuidBytes, vendorIdentifier } from '@lapel/suit';
import type { ComponentFields } from './describe-component.ts';
import { componentKeys, describeComponent } from './describe-component.ts';
import { componentTextKeys, describeText, manifestTextKeys } from './describe-text.ts';
import type { ComponentDescription, Description } from './description.ts';
import type { Located } from './located.ts';
import { fieldsOf, itemsOf, locate, refusal, textOf, uintOf } from './located.ts';

/** Of the whole manifest. */
const manifestKeys = [
  'sequence',
  'vendor',
  'class',
  'deviceIdentifier',
  'components',
  'referenceUri',
  'severable',
  'language',
  'description',
  'text',
] as const;
/** With one component only, its keys may stand beside those of the manifest. */
const shortKeys = [
  'component',
  'image',
  'uri',
  'integrated',
  'present',
  'compress',
  'deltaFrom',
  'encryptFor',
  'encryption',
  'slots',
  'staging',
  'load',
  'bootable',
  'version',
] as const;

const componentsMax = 128;
const nameLengthMax = 256;
const uriLengthMax = 2048;

type Fields = { readonly [K in (typeof manifestKeys)[number] | (typeof shortKeys)[number]]?: Located };

/**
 * @param file what the text is called in messages
 * @throws {DescriptionError}
 */
export function parseDescription(text: string, file = 'description'): Description {
  const whole = locate(text, file);
  const fields = fieldsOf(whole, [...manifestKeys, ...shortKeys]);
  const sequence = sequenceOf(required(whole, fields.sequence, 'sequence: 1'));
  const vendor = identifierOf(required(whole, fields.vendor, 'vendor: lapel.example'), vendorIdentifier);
  const byName = (name: string) => classIdentifier(vendor.id, name);
  const deviceClass = identifierOf(required(whole, fields.class, 'class: lamp'), byName);
  const parts = componentFields(whole, fields);
  const components = parts.map(describeComponent);
  requireDistinct(whole, components);
  const written = describeText({
    ...fields,
    textKeys:
      fields.components === undefined ? [...manifestTextKeys, ...componentTextKeys] : manifestTextKeys,
    components: parts.map((part, index) => ({ fields: part, id: components[index]?.id ?? [] })),
    names: { vendorDomain: vendor.name, modelInfo: deviceClass.name },
  });
  const { deviceIdentifier, referenceUri, severable } = fields;
  return {
    sequence,
    vendorIdentifier: vendor.id,
    classIdentifier: deviceClass.id,
    ...(deviceIdentifier === undefined ? {} : { deviceIdentifier: uuidOf(deviceIdentifier) }),
    components,
    ...(referenceUri === undefined ? {} : { referenceUri: textOf(referenceUri, uriLengthMax) }),
    // §8.4.4: text should be severable, as devices do without it.
    severable: severable === undefined ? ['text'] : severableOf(severable),
    ...(written === undefined ? {} : { text: written }),
  };
}

/** The keys of each component, from either form of writing them. */
function componentFields(whole: Located, fields: Fields): readonly ComponentFields[] {
  if (fields.components === undefined) {
    const id = required(whole, fields.component, 'component: main');
    const { text: _, ...short } = fields;
    return [{ ...short, whole, id, description: undefined }];
  }
  const misplaced = shortKeys.map((key) => fields[key]).find((field) => field !== undefined);
  if (misplaced !== undefined) {
    throw refusal(misplaced, `expected ${misplaced.name} inside one of components, found it beside them`);
  }
  return itemsOf(fields.components, { min: 1, max: componentsMax }).map((item) => ({
    ...fieldsOf({ ...item, name: 'a component' }, componentKeys),
    whole: item,
  }));
}

/** @param example of the key and a value, for whoever forgot it */
function required(whole: Located, field: Located | undefined, example: string): Located {
  if (field !== undefined) return field;
  const [key] = example.split(':');
  throw refusal(whole, `expected the key ${key}, such as ${example}, found none`);
}

function sequenceOf(located: Located): number | 'now' {
  return isNow(located) ? 'now' : uintOf({ ...located, name: 'sequence (or the word now)' });
}

const isNow = ({ node }: Located) =>
  typeof node === 'object' && node !== null && 'value' in node && node.value === 'now';

/** A UUID as it is, any other text as a name that one is made from (§8.4.8.2). */
function identifierOf(
  located: Located,
  fromName: (name: string) => Uint8Array,
): { readonly id: Uint8Array; readonly name?: string } {
  const text = textOf(located, nameLengthMax);
  const uuid = /^[0-9a-f-]{32,36}$/i.test(text) ? uuidBytes(text) : undefined;
  return uuid === undefined ? { id: fromName(text), name: text } : { id: uuid };
}

function uuidOf(located: Located): Uint8Array {
  const text = textOf(located, nameLengthMax);
  const uuid = uuidBytes(text);
  if (uuid === undefined)
    throw refusal(located, `expected ${located.name} to be a UUID, found ${JSON.stringify(text)}`);
  return uuid;
}

/** Those that a description can hold. */
const severableNames = ['payloadFetch', 'install', 'text'] as const satisfies readonly SeverableName[];

function severableOf(located: Located): readonly SeverableName[] {
  return itemsOf(located, { min: 0, max: severableNames.length }).map((item) => {
    const word = textOf(item, nameLengthMax);
    const name = severableNames.find((each) => each === word);
    if (name === undefined) {
      throw refusal(item, `expected one of ${severableNames.join(', ')}, found ${JSON.stringify(word)}`);
    }
    return name;
  });
}

/** A component may be named once, whether as a destination, for staging or for loading. */
function requireDistinct(whole: Located, components: readonly ComponentDescription[]): void {
  const seen = new Set<string>();
  for (const { id, staging, load } of components) {
    for (const each of [id, staging, load?.id]) {
      if (each === undefined) continue;
      const name = componentName(each);
      if (seen.has(name))
        throw refusal(whole, `expected each component once, found ${name} (hexadecimal) again`);
      seen.add(name);
    }
  }
  const bootable = components.filter((component) => component.bootable).length;
  if (bootable > 1) throw refusal(whole, `expected at most one bootable component, found ${bootable}`);
}
