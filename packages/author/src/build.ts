/**
 * The author's first step: a description and its images to an unsigned envelope
 * (draft-ietf-suit-manifest-37 §7, §8).
 */

import { write } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type {
  ComponentIdentifier,
  Envelope,
  Manifest as Content,
  Severable,
  SeverableName,
} from '@lapel/suit';
import { Digest, Manifest, Text, digestOf, manifestVersion, severableNames, wrap } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import type { Description } from './description.ts';
import { told } from './fields.ts';
import type { FormattedPayload } from './format-payload.ts';
import type { ImageFigures, Images } from './images.ts';
import type { Making } from './plan-component.ts';
import { planComponent } from './plan-component.ts';
import { planDependency } from './plan-dependency.ts';
import type { Plan, Planned, PlannedDependency } from './planned.ts';
import { readCoswid } from './read-coswid.ts';
import { readUsageDescription } from './read-usage-description.ts';
import { sequencesFor } from './templates.ts';

export interface BuildWorld {
  readonly images: Images;
  /** Asked only where the sequence number is `now`. */
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Keeps a payload that was made of an image, for `publishRelease`; needed only for such descriptions. */
  readonly keep?: (payload: FormattedPayload) => Promise<void>;
}

/** @throws {ImageError} where an image, or another file that is described, can't be used. */
export async function buildEnvelope(description: Description, world: BuildWorld): Promise<Envelope> {
  const { sequence, referenceUri, text, severable, setVersion, manifestComponent } = description;
  const { images } = world;
  const components = componentsOf(description);
  const making: Making = {
    images,
    measured: new Map<string, ImageFigures>(),
    payloads: new Map<string, Uint8Array>(),
    formatted: new Map<string, FormattedPayload>(),
  };
  const plan = await planOf(description, components, making);
  const { coswid, usageDescription } = description;
  const documents = {
    text: text === undefined ? undefined : write(Text, text),
    coswid: coswid === undefined ? undefined : await readCoswid(coswid, images),
  };
  const usage =
    usageDescription === undefined ? undefined : await readUsageDescription(usageDescription, images);
  for (const payload of making.formatted.values()) await keep(payload, world);
  const { sharedSequence, validate, load, invoke, uninstall, ...sequences } = sequencesFor(
    plan,
    components.length,
  );
  const { inside, outside } = severableElements({ ...sequences, ...documents }, severable);
  const manifest = wrap(
    write(Manifest, {
      version: manifestVersion,
      sequenceNumber: sequence === 'now' ? Math.floor(world.clock.wallMs() / 1000) : sequence,
      common: {
        ...told({ dependencies: metadataOf(description, plan) }),
        components,
        ...told({ sharedSequence }),
      },
      ...told({
        referenceUri,
        setVersion,
        componentIdentifier: manifestComponent,
        usageDescription: usage,
        validate,
        load,
        invoke,
        uninstall,
      }),
      ...inside,
    }),
  );
  const { payloads } = making;
  return { digest: write(Digest, sha256(manifest)), blocks: [], manifest, severed: outside, payloads };
}

async function keep(payload: FormattedPayload, world: BuildWorld): Promise<void> {
  if (world.keep === undefined) throw new TypeError(`expected someone to keep ${payload.name}, found none`);
  await world.keep(payload);
}

/**
 * Each described component, followed by the places that its payload passes through; then those that hold
 * dependencies: trust-domains §5.2.2 has their indices among the others.
 */
const componentsOf = ({ components, dependencies = [] }: Description): readonly ComponentIdentifier[] => [
  ...components.flatMap(({ id, staging, load }) => [
    id,
    ...(staging === undefined ? [] : [staging]),
    ...(load === undefined ? [] : [load.id]),
  ]),
  ...dependencies.map(({ id }) => id),
];

async function planOf(
  description: Description,
  components: readonly ComponentIdentifier[],
  making: Making,
): Promise<Plan> {
  const { dependencies: needed = [], vendorIdentifier, classIdentifier, deviceIdentifier } = description;
  const planned: Planned[] = [];
  for (const each of description.components) planned.push(await planComponent(each, components, making));
  const dependencies: PlannedDependency[] = [];
  const first = components.length - needed.length;
  for (const [order, each] of needed.entries()) {
    dependencies.push(await planDependency(each, first + order, making));
  }
  return {
    components: planned,
    dependencies,
    compatibility: { vendorIdentifier, classIdentifier, ...told({ deviceIdentifier }) },
    preconditions: description.preconditions ?? {},
    candidateVerification: description.candidateVerification === true,
    uninstall: description.uninstall === true,
  };
}

/** §5.2.2: which components hold dependencies, and what stands before the identifiers in those. */
function metadataOf(
  { dependencies: described = [] }: Description,
  { dependencies }: Plan,
): Content['common']['dependencies'] {
  if (dependencies.length === 0) return undefined;
  return dependencies.map(({ index }, order) => [index, told({ prefix: described[order]?.prefix })] as const);
}

type Elements = { readonly [K in SeverableName]?: Uint8Array | undefined };
type Inside = { [K in SeverableName]?: Severable };
type Outside = { [K in SeverableName]?: Uint8Array };

/** §8.6: a severable element stands in the envelope, and its digest, over its head too, in the manifest. */
function severableElements(
  elements: Elements,
  severable: readonly SeverableName[],
): { readonly inside: Inside; readonly outside: Outside } {
  const inside: Inside = {};
  const outside: Outside = {};
  for (const name of severableNames) {
    const element = elements[name];
    if (element === undefined) continue;
    if (!severable.includes(name)) {
      inside[name] = element;
      continue;
    }
    const wrapped = wrap(element);
    inside[name] = sha256(wrapped);
    outside[name] = wrapped;
  }
  return { inside, outside };
}

const sha256 = (bytes: Uint8Array): Digest =>
  digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', bytes) });
