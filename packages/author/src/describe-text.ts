/**
 * The texts of a description (draft-ietf-suit-manifest-37 §8.4.4), by language; `version` and
 * `description` are short forms.
 */

import type { ComponentIdentifier, Text, VersionMatch } from '@lapel/suit';
import { versionText } from '@lapel/suit';
import { isForPeople, signOf } from './common-shapes.ts';
import { fields, optional, told } from './fields.ts';
import { refusal } from './located.ts';
import type { Shape } from './shape.ts';
import { byKey, mapped, named, pattern, text } from './shape.ts';

const languagesMax = 32;
const languageLengthMax = 64;
const textLengthMax = 64 * 1024;
const languageDefault = 'en';

const words = text(textLengthMax);
/** Update-management §3.3, §3.4. */
const plainWords = mapped(words, (value, located) => {
  if (isForPeople(value)) return value;
  throw refusal(located, `expected ${located.name} without control characters, found some`);
});

const manifestRows = {
  manifestDescription: optional('What the manifest does.', words),
  updateDescription: optional('What the update brings.', words),
  jsonSource: optional('What the manifest was made from, as JSON.', words),
  yamlSource: optional('What the manifest was made from, as YAML.', words),
} as const;
const componentRows = {
  vendorName: optional('Who makes it.', words),
  modelName: optional('What it is called.', words),
  vendorDomain: optional('The domain that the vendor identifier was made from.', words),
  modelInfo: optional('The name that the class identifier was made from.', words),
  componentDescription: optional('What the component is.', words),
  componentVersion: optional('Its version.', words),
  versionRequired: optional('The version that it must have before, as people read it.', plainWords),
  currentVersion: optional('Its version, with what only people need to know of it.', plainWords),
} as const;

/** The tags of RFC 9290 Appendix A, as the CDDL has them. */
export const language = named(
  'language',
  pattern(/^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$/, 'a language tag such as en or de-AT', languageLengthMax),
);

type ManifestTexts = { readonly [K in keyof typeof manifestRows]?: string };
type ComponentTexts = { readonly [K in keyof typeof componentRows]?: string };
type ByLanguage<T> = readonly (readonly [language: string, texts: T])[];

export const manifestTexts: Shape<ByLanguage<ManifestTexts>> = byKey(
  language,
  mapped(fields('a text of a manifest', manifestRows), ({ value }) => told(value)),
  languagesMax,
);
export const componentTexts: Shape<ByLanguage<ComponentTexts>> = byKey(
  language,
  mapped(fields('a text of a component', componentRows), ({ value }) => told(value)),
  languagesMax,
);
/** With the short form of one component, its texts stand beside those of the manifest. */
export const allTexts: Shape<ByLanguage<ManifestTexts & ComponentTexts>> = byKey(
  language,
  mapped(fields('a text', { ...manifestRows, ...componentRows }), ({ value }) => told(value)),
  languagesMax,
);

export interface DescribedTexts {
  readonly language?: string | undefined;
  /** Short for the manifest's description. */
  readonly description?: string | undefined;
  /** Of the manifest, and of the first component. */
  readonly texts?: ByLanguage<ManifestTexts & ComponentTexts> | undefined;
  readonly components: readonly DescribedComponentTexts[];
  /** The names that identifiers were made from: told where any text is told (§8.4.4). */
  readonly names: { readonly vendorDomain: string | undefined; readonly modelInfo: string | undefined };
}

export interface DescribedComponentTexts {
  readonly id: ComponentIdentifier;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  readonly texts?: ByLanguage<ComponentTexts> | undefined;
  /** Told where any text is told, so that an operator knows why a device refuses (update-management §3.3). */
  readonly requires?: readonly VersionMatch[] | undefined;
}

/** What is written in one language. */
interface Written {
  manifest: ManifestTexts;
  /** One for each component. */
  readonly components: ComponentTexts[];
}

/** @returns undefined where nothing is told. */
export function describeText(described: DescribedTexts): Text | undefined {
  const { components } = described;
  const languages = new Map<string, Written>();
  const inLanguage = (tag: string): Written => {
    const written = languages.get(tag) ?? { manifest: {}, components: components.map(() => ({})) };
    languages.set(tag, written);
    return written;
  };
  const tellOf = (index: number, tag: string, texts: ComponentTexts) => {
    const written = inLanguage(tag).components;
    written[index] = { ...written[index], ...texts };
  };
  const short = described.language ?? languageDefault;
  if (described.description !== undefined) {
    inLanguage(short).manifest = { manifestDescription: described.description };
  }
  components.forEach(({ version, description, texts = [] }, index) => {
    const own = told({ componentVersion: version, componentDescription: description });
    if (Object.keys(own).length > 0) tellOf(index, short, own);
    for (const [tag, each] of texts) tellOf(index, tag, each);
  });
  for (const [tag, texts] of described.texts ?? []) {
    const written = inLanguage(tag);
    const isOfManifest = (key: string) => key in manifestRows;
    written.manifest = { ...written.manifest, ...only(texts, isOfManifest) };
    tellOf(
      0,
      tag,
      only(texts, (key) => !isOfManifest(key)),
    );
  }
  return assembled(languages, described);
}

const only = (texts: ManifestTexts & ComponentTexts, isWanted: (key: string) => boolean) =>
  Object.fromEntries(Object.entries(texts).filter(([key]) => isWanted(key))) as ManifestTexts &
    ComponentTexts;

function assembled(
  languages: ReadonlyMap<string, Written>,
  { components, names }: DescribedTexts,
): Text | undefined {
  if (languages.size === 0) return undefined;
  return {
    rest: [...languages].map(([tag, written]) => {
      const rest = components.flatMap(({ id, requires }, index) => {
        const versionRequired = requires
          ?.map(([comparison, version]) => `${signOf(comparison)}${versionText(version)}`)
          .join(',');
        const texts = {
          ...(index === 0 ? told(names) : {}),
          ...told({ versionRequired }),
          ...written.components[index],
        };
        return Object.keys(texts).length === 0 ? [] : [[id, texts] as const];
      });
      return [tag, { ...written.manifest, rest }] as const;
    }),
  };
}
