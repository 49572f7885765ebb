/** What an envelope would do, in words: shown to whoever makes, signs or checks one. */

import { compareBytes, hex } from '@lapel/cbor';
import type { Outline } from '@lapel/author';
import { componentText } from '@lapel/author';
import { classIdentifier, uuidText, vendorIdentifier } from '@lapel/suit';
import { trustOrderIn, trustOrderInWords } from './trust-order-in-words.ts';

type Fact = readonly [name: string, value: string];

export function updateInWords({
  digest,
  manifest,
  summary,
  envelope,
}: Pick<Outline, 'digest' | 'manifest' | 'summary' | 'envelope'>): readonly Fact[] {
  const order = trustOrderIn({ manifest, envelope });
  const [, written] = summary.text?.rest[0] ?? [];
  const texts = written?.rest.map(([, component]) => component) ?? [];
  const version = first(texts.map((each) => each.componentVersion));
  const domain = first(texts.map((each) => each.vendorDomain));
  const model = first(texts.map((each) => each.modelInfo));
  const description = written?.updateDescription ?? written?.manifestDescription;
  const [vendor] = summary.vendorIdentifiers;
  return [
    ...(version === undefined ? [] : [['version', version] as const]),
    ...(description === undefined ? [] : [['description', description.split('\n', 1)[0] ?? ''] as const]),
    ['sequence', `${summary.sequenceNumber}`],
    ['vendor', named(summary.vendorIdentifiers, domain, vendorIdentifier)],
    ['class', named(summary.classIdentifiers, model, (name) => vendor && classIdentifier(vendor, name))],
    ['components', summary.components.map(componentText).join(', ')],
    ...(order === undefined ? [] : trustOrderInWords(order)),
    ...summary.images.map(({ digest: image, sizeBytes }): Fact => {
      const sum = image === undefined ? 'no digest' : `${image.algorithm} ${hex(image.bytes)}`;
      return ['image', `${sizeBytes ?? 'unknown'} bytes, ${sum}`];
    }),
    ...summary.uris.map((uri): Fact => ['fetched from', uri]),
    ['then', manifest.invoke === undefined ? 'nothing is invoked' : 'the image is invoked'],
    ['manifest', `${digest.algorithm} ${hex(digest.bytes)}`],
  ];
}

const first = (values: readonly (string | undefined)[]): string | undefined =>
  values.find((each) => each !== undefined);

/**
 * Identifiers, each with its name where the text has the one that it was made from: a claim that can be
 * checked.
 */
function named(
  identifiers: readonly Uint8Array[],
  name: string | undefined,
  fromName: (name: string) => Uint8Array | undefined,
): string {
  const known = name === undefined ? undefined : fromName(name);
  const shown = identifiers.map((each) =>
    known !== undefined && compareBytes(each, known) === 0 ? `${name} (${uuidText(each)})` : uuidText(each),
  );
  return shown.join(', ') || 'any';
}
