/**
 * How urgent what a campaign rolls out is: by its manifest where that is proven, and else by what is known
 * of its components (draft-zhu-suit-automatic-fu-arch §4-3, §4-4).
 */
import { CborError, compareBytes, hex, read } from '@lapel/cbor';
import type { AuthenticManifest, ComponentIdentifier } from '@lapel/suit';
import { Text, assignments, elementOf, server } from '@lapel/suit';
import type { ReleaseFacts, UrgencyStrategy } from '../policy/urgency.ts';
import { urgencyOf } from '../policy/urgency.ts';
import type { Campaign } from '../protocol.ts';
import type { Judge } from './campaign.ts';
import type { Target } from './fleet.ts';
import type { Manifests } from './manifests.ts';
import type { FleetStore } from './store.ts';

/**
 * Kinds of components by the names that manifests give them, written as in a description: `main`,
 * `soc/boot`, `h'00'`. What is missing is its own kind.
 */
export type Kinds = Readonly<Record<string, string>>;

export interface JudgeOptions {
  readonly store: Pick<FleetStore, 'campaigns'>;
  readonly manifests: Manifests;
  readonly strategy?: UrgencyStrategy | undefined;
  readonly kinds?: Kinds | undefined;
}

/** Campaigns among which the one before is looked for; of older ones the version says nothing any more. */
const beforeMax = 100;

export function createJudge({ store, manifests, strategy, kinds = {} }: JudgeOptions): Judge {
  /** The version that the campaign before it has rolled out to the same class, where one has. */
  async function versionBefore(campaign: Campaign, { sequenceNumber }: Target): Promise<string | undefined> {
    const [before] = (await store.campaigns(beforeMax))
      .filter(({ campaign: other }) => compareBytes(other.vendor, campaign.vendor) === 0)
      .filter(({ campaign: other }) => compareBytes(other.class, campaign.class) === 0)
      .filter(({ target }) => target.sequenceNumber < sequenceNumber)
      .toSorted((a, b) => b.target.sequenceNumber - a.target.sequenceNumber);
    const found = before === undefined ? undefined : await manifests.find(before.target.digest);
    return found === undefined || 'missing' in found ? undefined : factsOf(found.manifest).version;
  }

  return async (campaign, target) => {
    const found = await manifests.find(target.digest);
    const names = target.components.map(writtenName);
    const own = { kinds: names.map((name) => kinds[name] ?? name) };
    if ('missing' in found) return urgencyOf(own, strategy);
    const facts = { ...own, ...factsOf(found.manifest) };
    const before = await versionBefore(campaign, target);
    return urgencyOf({ ...facts, ...(before === undefined ? {} : { before }) }, strategy);
  };
}

const writtenName = (component: ComponentIdentifier): string => component.map(writtenPart).join('/');

function writtenPart(part: Uint8Array): string {
  const text = String.fromCharCode(...part.subarray(0, partMax));
  return part.length <= partMax && /^[\x21-\x2e\x30-\x7e]+$/.test(text) ? text : `h'${hex(part)}'`;
}
/** A longer part is no name. */
const partMax = 64;

function factsOf(manifest: AuthenticManifest): ReleaseFacts {
  const priorities = assignments(manifest, server).flatMap(
    ({ parameters }) => parameters.updatePriority ?? [],
  );
  const languages = languagesIn(elementOf(manifest, 'text'));
  const text = languages.flatMap(([, own]) => own.updateDescription ?? []).join('\n');
  const versions = languages.flatMap(([, own]) =>
    own.rest.flatMap(([, component]) => component.componentVersion ?? []),
  );
  return {
    text,
    ...(priorities.length === 0 ? {} : { priority: Math.min(...priorities) }),
    ...(versions[0] === undefined ? {} : { version: versions[0] }),
  };
}

/** Text that can't be read says nothing. */
function languagesIn(encoded: Uint8Array | undefined): Text['rest'] {
  try {
    return encoded === undefined ? [] : read(Text, encoded).rest;
  } catch (error) {
    if (error instanceof CborError) return [];
    throw error;
  }
}
