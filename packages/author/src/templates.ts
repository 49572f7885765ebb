/**
 * The templates of draft-ietf-suit-manifest-37 §7: what is wanted of components to the sequences of
 * commands that bring it about. Each template writes what one component needs into each sequence;
 * sequences of one manifest are theirs joined.
 */

import { write } from '@lapel/cbor';
import type { Command, ComponentIdentifier, Digest, SectionName } from '@lapel/suit';
import { Parameters, digestOf, reporting, writeSequence } from '@lapel/suit';
import type { ImageFigures } from './images.ts';

/** A component with its images measured and its indices known. */
export interface Planned {
  readonly index: number;
  readonly images: readonly [PlannedImage] | readonly PlannedSlot[];
  /** Index of the component that the payload is downloaded to first. */
  readonly stagingIndex?: number;
  readonly load?: { readonly index: number; readonly figures: ImageFigures };
  readonly bootable: boolean;
}

export interface PlannedImage {
  readonly figures: ImageFigures;
  /** Absent where the image is in its component already. */
  readonly uri?: string;
  /** What whoever fetches must know of the payload (§8.4.8.13). */
  readonly fetchArguments?: Uint8Array;
  readonly encryption?: PlannedEncryption;
}

/** A ciphertext: inside the manifest, or downloaded first. */
type PlannedEncryption = { readonly info: Uint8Array } & (
  | { readonly content: Uint8Array; readonly ciphertext?: undefined }
  | { readonly ciphertext: ImageFigures; readonly content?: undefined }
);

export interface PlannedSlot extends PlannedImage {
  readonly slot: number;
}

export interface Compatibility {
  readonly vendorIdentifier: Uint8Array;
  readonly classIdentifier: Uint8Array;
  readonly deviceIdentifier?: Uint8Array;
}

export type Sequences = Readonly<Partial<Record<SectionName, Uint8Array>>>;

/** @param components of the manifest; with several, each sequence names the one it speaks of (§6.2) */
export function sequencesFor(
  planned: readonly Planned[],
  compatibility: Compatibility,
  components: readonly ComponentIdentifier[],
): Sequences {
  const at = (index: number, commands: readonly Command[]): readonly Command[] =>
    commands.length === 0 || components.length === 1
      ? commands
      : [{ name: 'directive-set-component-index', index }, ...commands];
  return written({
    sharedSequence: planned.flatMap((each, order) =>
      at(each.index, shared(each, order === 0 ? compatibility : undefined)),
    ),
    validate: planned.flatMap(({ index }) => at(index, [imageMatch])),
    load: planned.flatMap((each) =>
      each.load === undefined ? [] : at(each.load.index, load(each.index, each.load)),
    ),
    invoke: planned.flatMap((each) =>
      each.bootable ? at(each.load?.index ?? each.index, invoke(each)) : [],
    ),
    payloadFetch: planned.flatMap((each) =>
      each.stagingIndex === undefined ? [] : at(each.stagingIndex, stage(each)),
    ),
    install: planned.flatMap((each) => at(each.index, install(each))),
  });
}

const everything =
  reporting.recordOnSuccess |
  reporting.recordOnFailure |
  reporting.sysinfoOnSuccess |
  reporting.sysinfoOnFailure;

/**
 * What the author wants to hear of each command (§8.4.7), as Appendix B has it: conditions tell all, a
 * directive its failure, and the choice of a slot only that it was made, since a failure there is an
 * ordinary turn.
 */
const vendorMatch: Command = { name: 'condition-vendor-identifier', policy: everything };
const classMatch: Command = { name: 'condition-class-identifier', policy: everything };
const deviceMatch: Command = { name: 'condition-device-identifier', policy: everything };
const imageMatch: Command = { name: 'condition-image-match', policy: everything };
const slotMatch: Command = {
  name: 'condition-component-slot',
  policy: reporting.recordOnSuccess | reporting.sysinfoOnSuccess,
};
const fetch: Command = { name: 'directive-fetch', policy: reporting.recordOnFailure };
const writing: Command = { name: 'directive-write', policy: reporting.recordOnFailure };
const copy: Command = { name: 'directive-copy', policy: reporting.recordOnFailure };
const invocation: Command = { name: 'directive-invoke', policy: reporting.recordOnFailure };

/**
 * §7.1 for the first component, and what every later sequence may rely on: digest and size, chosen by
 * slot in §7.7.
 */
function shared({ images }: Planned, compatibility: Compatibility | undefined): readonly Command[] {
  const conditions = compatibility === undefined ? [] : [vendorMatch, classMatch];
  if (compatibility?.deviceIdentifier !== undefined) conditions.push(deviceMatch);
  if (hasSlots(images)) {
    const choice = bySlot(images, ({ figures }) => [override(imageParameters(figures))]);
    const given = compatibility === undefined ? [] : [override(compatibility)];
    return [...given, choice, ...conditions];
  }
  return [override({ ...compatibility, ...imageParameters(images[0].figures) }), ...conditions];
}

/**
 * §7.3 where the payload is fetched into its component, §7.4 where it is copied there from where it was
 * staged.
 */
function install({ images, stagingIndex }: Planned): readonly Command[] {
  const encryption = images[0]?.encryption;
  if (stagingIndex !== undefined) {
    return [override({ sourceComponent: stagingIndex, ...decryption(images[0]) }), copy, imageMatch];
  }
  if (encryption?.content !== undefined) {
    const { content, info } = encryption;
    return [override({ content, encryptionInfo: info }), writing, imageMatch];
  }
  if (!hasSlots(images)) {
    const [image] = images;
    return image.uri === undefined ? [] : [override(fetchParameters(image)), fetch, imageMatch];
  }
  if (images.every(({ uri }) => uri === undefined)) return [];
  const choice = bySlot(images, (image) =>
    image.uri === undefined ? [] : [override(fetchParameters(image))],
  );
  return [choice, fetch, imageMatch];
}

/** §7.4: the download moves to payload-fetch, and proves itself before anything is installed. */
function stage({ images: [image] }: Planned): readonly Command[] {
  if (image?.uri === undefined) return [];
  const { uri, encryption } = image;
  // Firmware-encryption §7.1.2: nobody decrypts what the author did not make.
  const parameters =
    encryption?.ciphertext === undefined
      ? { imageDigest: digestParameter(image.figures), ...fetchParameters(image) }
      : { ...imageParameters(encryption.ciphertext), uri };
  return [override(parameters), fetch, imageMatch];
}

/** §7.6. */
function load(source: number, { figures }: NonNullable<Planned['load']>): readonly Command[] {
  return [override({ ...imageParameters(figures), sourceComponent: source }), copy, imageMatch];
}

/** §7.2; with slots the one to run is chosen again, as §7.7 has it. */
function invoke({ images }: Planned): readonly Command[] {
  return hasSlots(images) ? [bySlot(images, () => []), invocation] : [invocation];
}

const hasSlots = (images: Planned['images']): images is readonly PlannedSlot[] =>
  images.every((image) => 'slot' in image);

/** §7.7: the slot is asked for, and where it is this one, what belongs to it is done. */
function bySlot(images: readonly PlannedSlot[], then: (image: PlannedSlot) => readonly Command[]): Command {
  const sequences = images.map((image) =>
    writeSequence([override({ componentSlot: image.slot }), slotMatch, ...then(image)]),
  );
  return { name: 'directive-try-each', sequences };
}

const override = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});

const digestParameter = ({ digest }: ImageFigures): Digest =>
  digestOf({ algorithm: 'sha-256', bytes: digest });

const imageParameters = (figures: ImageFigures): Parameters => ({
  imageDigest: digestParameter(figures),
  imageSize: figures.sizeBytes,
});

const fetchParameters = ({ uri, fetchArguments }: PlannedImage): Parameters => ({
  ...(uri === undefined ? {} : { uri }),
  ...(fetchArguments === undefined ? {} : { fetchArguments }),
});

/** A copy tells how what it decrypts is packed: the fetch before it took the ciphertext as it came. */
const decryption = ({ encryption, fetchArguments }: Partial<PlannedImage> = {}): Parameters => ({
  ...(encryption === undefined ? {} : { encryptionInfo: encryption.info }),
  ...(encryption === undefined || fetchArguments === undefined ? {} : { fetchArguments }),
});

/** A sequence has one command at least (§8.4.6); one without any is left out. */
function written(sequences: Readonly<Partial<Record<SectionName, readonly Command[]>>>): Sequences {
  const found: Partial<Record<SectionName, Uint8Array>> = {};
  for (const [name, commands] of Object.entries(sequences) as [SectionName, readonly Command[]][]) {
    if (commands.length > 0) found[name] = writeSequence(commands);
  }
  return found;
}
