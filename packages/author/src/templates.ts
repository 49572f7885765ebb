/**
 * The templates of draft-ietf-suit-manifest-37 §7 and of the extension drafts: what is wanted of components
 * to the sequences of commands that bring it about. Each template writes what one component needs into each
 * sequence; sequences of one manifest are theirs joined.
 */

import type { Command, Parameters, SectionName } from '@lapel/suit';
import { writeSequence } from '@lapel/suit';
import {
  classMatch,
  copy,
  deviceMatch,
  digestParameter,
  fetch,
  imageMatch,
  imageParameters,
  invocation,
  override,
  slotMatch,
  swap,
  vendorMatch,
  writing,
} from './commands.ts';
import type { At, Compatibility, Plan, Planned, PlannedImage, PlannedSlot } from './planned.ts';
import { hasSlots } from './planned.ts';
import { before } from './templates-before.ts';
import { dependencyCommands, dependencyDigest } from './templates-dependency.ts';
import { uninstall } from './templates-uninstall.ts';

export type Sequences = Readonly<Partial<Record<SectionName, Uint8Array>>>;

/** @param count components of the manifest, dependencies included */
export function sequencesFor(plan: Plan, count: number): Sequences {
  const { components: planned, dependencies, candidateVerification } = plan;
  const at: At = (index, commands) =>
    commands.length === 0 || count === 1
      ? commands
      : [{ name: 'directive-set-component-index', index }, ...commands];
  const ofDependencies = (section: SectionName) =>
    dependencies.flatMap((each) => at(each.index, dependencyCommands(each, section, plan)));
  const own: Partial<Record<SectionName, readonly Command[]>> = {
    validate: planned.flatMap((each) => (each.images.length === 0 ? [] : at(each.index, [imageMatch]))),
    load: planned.flatMap((each) =>
      each.load === undefined ? [] : at(each.load.index, load(each.index, each.load)),
    ),
    invoke: planned.flatMap((each) =>
      each.bootable ? at(each.load?.index ?? each.index, invoke(each)) : [],
    ),
    payloadFetch: planned.flatMap((each) =>
      each.stagingIndex === undefined ? [] : at(each.stagingIndex, stage(each)),
    ),
    candidateVerification: planned.flatMap((each) =>
      each.stagingIndex === undefined || !candidateVerification ? [] : at(each.stagingIndex, candidate(each)),
    ),
    install: planned.flatMap((each) => at(each.index, install(each))),
  };
  const joined: Partial<Record<SectionName, readonly Command[]>> = {
    sharedSequence: [...compatible(plan, at), ...dependencies.flatMap((each) => dependencyDigest(each, at))],
    uninstall: uninstall(plan, at),
  };
  // What is needed comes before what needs it.
  for (const section of sectionsOfDependencies) {
    joined[section] = [...ofDependencies(section), ...(own[section] ?? [])];
  }
  return written(withBefore(joined, before(plan, at)));
}

const sectionsOfDependencies = [
  'dependencyResolution',
  'payloadFetch',
  'candidateVerification',
  'install',
  'validate',
  'load',
  'invoke',
] as const satisfies readonly SectionName[];

/** What must hold before the update begins is asked in the first sequence that an update runs. */
function withBefore(
  sequences: Readonly<Partial<Record<SectionName, readonly Command[]>>>,
  commands: readonly Command[],
): Readonly<Partial<Record<SectionName, readonly Command[]>>> {
  const order = ['dependencyResolution', 'payloadFetch', 'install'] as const;
  const first = order.find((name) => (sequences[name] ?? []).length > 0) ?? 'install';
  return { ...sequences, [first]: [...commands, ...(sequences[first] ?? [])] };
}

/** §7.1, with the first component, or where there is none with the first dependency. */
function compatible({ components, dependencies, compatibility }: Plan, at: At): readonly Command[] {
  const [first] = dependencies;
  if (components.length === 0 && first !== undefined) {
    return at(first.index, [override(compatibility), ...identification(compatibility)]);
  }
  return components.flatMap((each, order) =>
    at(each.index, shared(each, order === 0 ? compatibility : undefined)),
  );
}

const identification = ({ deviceIdentifier }: Compatibility): readonly Command[] => [
  vendorMatch,
  classMatch,
  ...(deviceIdentifier === undefined ? [] : [deviceMatch]),
];

/**
 * §7.1 for the first component, and what every later sequence may rely on: digest and size, chosen by
 * slot in §7.7.
 */
function shared({ images }: Planned, compatibility: Compatibility | undefined): readonly Command[] {
  const conditions = compatibility === undefined ? [] : identification(compatibility);
  if (hasSlots(images)) {
    const choice = bySlot(images, ({ figures }) => [override(imageParameters(figures))]);
    const given = compatibility === undefined ? [] : [override(compatibility)];
    return [...given, choice, ...conditions];
  }
  const [image] = images;
  const parameters = { ...compatibility, ...(image === undefined ? {} : imageParameters(image.figures)) };
  return Object.keys(parameters).length === 0 ? [] : [override(parameters), ...conditions];
}

/**
 * §7.3 where the payload is fetched into its component, §7.4 where it is copied there from where it was
 * staged.
 */
function install({ images, stagingIndex, swap: swaps, metadata }: Planned): readonly Command[] {
  const [image] = images;
  if (image === undefined) return [];
  // Update-management §4.6: set before the command that it goes with.
  const described: Parameters = metadata === undefined ? {} : { componentMetadata: metadata };
  if (stagingIndex !== undefined) {
    const source = { ...described, sourceComponent: stagingIndex };
    if (swaps === true) return [override(source), swap, imageMatch];
    return [override({ ...source, ...decryption(image) }), copy, imageMatch];
  }
  const { encryption } = image;
  if (encryption?.content !== undefined) {
    const { content, info } = encryption;
    return [override({ ...described, content, encryptionInfo: info }), writing, imageMatch];
  }
  if (!hasSlots(images)) {
    if (image.uri === undefined) return [];
    return [override({ ...described, ...fetchParameters(image) }), fetch, imageMatch];
  }
  if (images.every(({ uri }) => uri === undefined)) return [];
  const choice = bySlot(images, (each) => (each.uri === undefined ? [] : [override(fetchParameters(each))]));
  return [...(metadata === undefined ? [] : [override(described)]), choice, fetch, imageMatch];
}

/** §7.4: the download moves to payload-fetch, and proves itself before anything is installed. */
function stage({ images: [image] }: Planned): readonly Command[] {
  if (image?.uri === undefined) return [];
  return [override({ ...staged(image), ...fetched(image) }), fetch, imageMatch];
}

/** Trust-domains §7.1: once more, for whoever installs and did not fetch. */
function candidate({ images: [image] }: Planned): readonly Command[] {
  return image?.uri === undefined ? [] : [override(staged(image)), imageMatch];
}

/** Firmware-encryption §7.1.2: of a ciphertext its own, as nobody decrypts what the author did not make. */
const staged = ({ encryption, figures }: PlannedImage): Parameters =>
  encryption?.ciphertext === undefined
    ? { imageDigest: digestParameter(figures) }
    : imageParameters(encryption.ciphertext);

const fetched = (image: PlannedImage): Parameters =>
  image.encryption?.ciphertext === undefined
    ? fetchParameters(image)
    : fetchParameters({ figures: image.figures, ...(image.uri === undefined ? {} : { uri: image.uri }) });

/** §7.6. */
function load(source: number, { figures }: NonNullable<Planned['load']>): readonly Command[] {
  return [override({ ...imageParameters(figures), sourceComponent: source }), copy, imageMatch];
}

/** §7.2; with slots the one to run is chosen again, as §7.7 has it. */
function invoke({ images, invokeArguments }: Planned): readonly Command[] {
  const given = invokeArguments === undefined ? [] : [override({ invokeArguments })];
  return [...given, ...(hasSlots(images) ? [bySlot(images, () => [])] : []), invocation];
}

/** §7.7: the slot is asked for, and where it is this one, what belongs to it is done. */
function bySlot(images: readonly PlannedSlot[], then: (image: PlannedSlot) => readonly Command[]): Command {
  const sequences = images.map((image) =>
    writeSequence([override({ componentSlot: image.slot }), slotMatch, ...then(image)]),
  );
  return { name: 'directive-try-each', sequences };
}

const fetchParameters = ({ uri, fetchArguments }: PlannedImage): Parameters => ({
  ...(uri === undefined ? {} : { uri }),
  ...(fetchArguments === undefined ? {} : { fetchArguments }),
});

/** A copy tells how what it decrypts is packed: the fetch before it took the ciphertext as it came. */
const decryption = ({ encryption, fetchArguments }: PlannedImage): Parameters => ({
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
