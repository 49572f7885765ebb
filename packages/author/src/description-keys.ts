/** The keys of a description: what `parseDescription` takes, and what an editor is told of it. */

import { severableNames } from '@lapel/suit';
import { identifier, moment, nameLengthMax, path, uri, uuid, vendorName, version } from './common-shapes.ts';
import type { OwnKey } from './component-keys.ts';
import { componentShape, imageNeeded, ownKeyNames, ownKeys, ownRules } from './component-keys.ts';
import { dependency } from './describe-dependency.ts';
import { allTexts, language, manifestTexts } from './describe-text.ts';
import { waiting } from './describe-waiting.ts';
import type { Given, Rule } from './fields.ts';
import { apart, fields, needs, optional, required, some } from './fields.ts';
import type { Located } from './located.ts';
import type { Definitions, JsonSchema, Shape } from './shape.ts';
import { choice, flag, int, list, named, pattern, text, uint } from './shape.ts';

const componentsMax = 128;
const dependenciesMax = 16;
const textLengthMax = 64 * 1024;
const urlLengthMax = 2048;

const sequence: Shape<number | 'now'> = {
  read: (located) => (isNow(located) ? 'now' : uint.read({ ...located, name: 'sequence (or the word now)' })),
  schema: (definitions) => ({ anyOf: [uint.schema(definitions), { const: 'now' }] }),
};

const isNow = ({ node }: Located) =>
  typeof node === 'object' && node !== null && 'value' in node && node.value === 'now';

const mud = fields('mud', {
  url: required(
    'Where it lies.',
    pattern(/^[hH][tT][tT][pP][sS]:\/\/[^/]/, 'an https URL', urlLengthMax),
    'url: https://lapel.example/lamp.mud',
  ),
  signer: required('Path of the public key that signs it.', path, 'signer: mud.pub.pem'),
});

const rows = {
  sequence: required('Rises with every release; or the word now.', sequence, 'sequence: 1'),
  vendor: required(
    'A domain of yours, pen: and your private enterprise number, or a UUID.',
    vendorName,
    'vendor: lapel.example',
  ),
  class: required('The name of a kind of device, or a UUID.', text(nameLengthMax), 'class: lamp'),
  deviceIdentifier: optional('The update is for this one device: a UUID.', uuid),
  components: optional(
    'What is installed where.',
    list(named('component', componentShape), { min: 1, max: componentsMax }),
  ),
  dependencies: optional(
    'Manifests of others that this one needs.',
    list(named('dependency', dependency), { min: 1, max: dependenciesMax }),
  ),
  manifestComponent: optional('The component that keeps this manifest, as a root manifest.', identifier),
  referenceUri: optional('Where the whole manifest can be found.', uri),
  severable: optional(
    'What stands beside the manifest, and can be cut off later. Default: text and coswid.',
    list(choice(severableNames), { min: 0, max: severableNames.length }),
  ),
  setVersion: optional('The version that the update brings a device to: 1.2.3 or 1.2-rc.1.', version),
  useBefore: optional('From this time on the update is refused: a day, a time, or seconds.', moment),
  minimumBattery: optional('What must be left in the battery, in mWh.', uint),
  priority: optional('The application is asked; the smaller the number, the more urgent.', int),
  waitFor: optional('What the update waits for; all of it must have come.', waiting),
  coswid: optional('Path of a CoSWID (RFC 9393) of what is installed.', path),
  mud: optional("Where a description of the device's network usage lies (RFC 8520), and who signs it.", mud),
  candidateVerification: optional('What was staged is proved again by whoever installs it.', flag),
  uninstall: optional('The manifest says how to uninstall what it installs.', flag),
  language: optional('Of description and version. Default: en.', language),
  description: optional('What the manifest does, for people.', text(textLengthMax)),
  text: optional('Texts by language.', allTexts),
  component: optional('With one component only: its identifier, as the device knows it.', identifier),
  // With one component only, its keys may stand beside those of the manifest.
  ...ownKeys,
} as const;

type Key = keyof typeof rows;
const shortKeys: readonly (OwnKey | 'component')[] = ['component', ...ownKeyNames];
const noComponent = 'expected the key component, such as component: main, found none';

/** With several components, the texts of each stand with it. */
const textsApart: Rule<Key> = {
  check(given) {
    const texts = given('text');
    if (texts !== undefined && given('components') !== undefined) manifestTexts.read(texts);
  },
  schema: (present) => ({
    anyOf: [{ not: present('components') }, { properties: { text: manifestTexts.schema(new Map()) } }],
  }),
};

const rules: readonly Rule<Key>[] = [
  apart(
    shortKeys,
    ['components'],
    ({ name }) => `expected ${name} inside one of components, found it beside them`,
  ),
  some(['component', 'components', 'dependencies'], noComponent),
  needs(ownKeyNames, ['component'], () => noComponent),
  imageNeeded('component'),
  ...ownRules,
  textsApart,
];

export const descriptionShape: Shape<Given<typeof rows>> = fields('a description', rows, rules);

/** For editors (JSON Schema, draft 7): `# yaml-language-server: $schema=…` points there. */
export function descriptionSchema(): JsonSchema {
  const definitions: Definitions = new Map();
  const schema = descriptionShape.schema(definitions);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'What an update shall do: the description that `lapel create` makes an envelope of',
    ...schema,
    definitions: Object.fromEntries(definitions),
  };
}
