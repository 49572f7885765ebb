/**
 * The texts of a description (draft-ietf-suit-manifest-37 §8.4.4), by language; `version` and
 * `description` are short forms.
 */

import type { ComponentIdentifier, Text } from '@lapel/suit';
import type { ComponentFields } from './describe-component.ts';
import type { Located } from './located.ts';
import { fieldsOf, pairsOf, refusal, textOf } from './located.ts';

export const manifestTextKeys = [
  'manifestDescription',
  'updateDescription',
  'jsonSource',
  'yamlSource',
] as const;
export const componentTextKeys = [
  'vendorName',
  'modelName',
  'vendorDomain',
  'modelInfo',
  'componentDescription',
  'componentVersion',
] as const;

type ManifestTexts = { [K in (typeof manifestTextKeys)[number]]?: string };
type ComponentTexts = { [K in (typeof componentTextKeys)[number]]?: string };
type TextKey = (typeof manifestTextKeys)[number] | (typeof componentTextKeys)[number];

export interface DescribedTexts {
  readonly language?: Located;
  /** Short for the manifest's description. */
  readonly description?: Located;
  readonly text?: Located;
  /** What may stand in `text`: with the short form of one component, its texts too. */
  readonly textKeys: readonly TextKey[];
  readonly components: readonly { readonly id: ComponentIdentifier; readonly fields: ComponentFields }[];
  /** The names that identifiers were made from: told where any text is told (§8.4.4). */
  readonly names: { readonly vendorDomain: string | undefined; readonly modelInfo: string | undefined };
}

const languagesMax = 32;
const textLengthMax = 64 * 1024;
const languageDefault = 'en';

/** What is written in one language. */
interface Written {
  readonly manifest: ManifestTexts;
  /** One for each component. */
  readonly components: readonly ComponentTexts[];
}

/** @returns undefined where nothing is told. @throws {DescriptionError} */
export function describeText(described: DescribedTexts): Text | undefined {
  const { components, names } = described;
  const languages = new Map<string, Written>();
  const inLanguage = (language: string): Written => {
    const written = languages.get(language) ?? { manifest: {}, components: components.map(() => ({})) };
    languages.set(language, written);
    return written;
  };
  const short = described.language === undefined ? languageDefault : languageTag(described.language);
  if (described.description !== undefined) {
    inLanguage(short).manifest.manifestDescription = textOf(described.description, textLengthMax);
  }
  components.forEach(({ fields }, index) => {
    const own = (language: string): ComponentTexts => inLanguage(language).components[index] ?? {};
    if (fields.version !== undefined) own(short).componentVersion = textOf(fields.version, textLengthMax);
    if (fields.description !== undefined) {
      own(short).componentDescription = textOf(fields.description, textLengthMax);
    }
    for (const [language, texts] of textsOf(fields.text, componentTextKeys))
      Object.assign(own(language), texts);
  });
  for (const [language, texts] of textsOf(described.text, described.textKeys)) {
    const {
      manifest,
      components: [first = {}],
    } = inLanguage(language);
    for (const [key, value] of Object.entries(texts)) {
      Object.assign(manifestTextKeys.some((each) => each === key) ? manifest : first, { [key]: value });
    }
  }
  return assembled(languages, components, names);
}

function assembled(
  languages: ReadonlyMap<string, Written>,
  components: DescribedTexts['components'],
  { vendorDomain, modelInfo }: DescribedTexts['names'],
): Text | undefined {
  if (languages.size === 0) return undefined;
  const named = {
    ...(vendorDomain === undefined ? {} : { vendorDomain }),
    ...(modelInfo === undefined ? {} : { modelInfo }),
  };
  return {
    rest: [...languages].map(([language, written]) => {
      const rest = components.flatMap(({ id }, index) => {
        const texts = { ...(index === 0 ? named : {}), ...written.components[index] };
        return Object.keys(texts).length === 0 ? [] : [[id, texts] as const];
      });
      return [language, { ...written.manifest, rest }] as const;
    }),
  };
}

/** The texts of each language. */
function textsOf<K extends TextKey>(
  located: Located | undefined,
  keys: readonly K[],
): readonly (readonly [string, { readonly [Key in K]?: string }])[] {
  if (located === undefined) return [];
  return pairsOf(located, languagesMax).map(([language, value]) => {
    requireLanguage(language, value);
    const texts: { [Key in K]?: string } = {};
    for (const [key, field] of Object.entries(fieldsOf(value, keys)) as [K, Located][]) {
      texts[key] = textOf(field, textLengthMax);
    }
    return [language, texts];
  });
}

function languageTag(located: Located): string {
  const language = textOf(located, 64);
  requireLanguage(language, located);
  return language;
}

/** The tags of RFC 9290 Appendix A, as the CDDL has them. */
function requireLanguage(language: string, located: Located): void {
  if (/^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$/.test(language) && language.length <= 64) return;
  throw refusal(located, `expected a language tag such as en or de-AT, found ${JSON.stringify(language)}`);
}
