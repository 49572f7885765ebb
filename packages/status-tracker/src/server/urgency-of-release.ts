/**
 * How urgent what a campaign rolls out is: by its manifest where that is proven, and else by what is known
 * of its components (draft-zhu-suit-automatic-fu-arch §4-3, §4-4).
 */
import { CborError, read } from '@lapel/cbor';
import type { AuthenticManifest } from '@lapel/suit';
import { Text, assignments, componentName, elementOf, server } from '@lapel/suit';
import type { Judged, ReleaseFacts, UrgencyStrategy } from '../policy/urgency.ts';
import { consequences, urgencyOf } from '../policy/urgency.ts';
import type { CampaignView } from './campaign.ts';
import type { Manifests } from './manifests.ts';

export interface Urgencies {
  /** With the time by when all that it addresses should run it. */
  judge(view: CampaignView): Promise<Judged & { readonly latestMs: number }>;
}

/** Kinds of components by the names that manifests give them; what is missing is its own kind. */
export type Kinds = Readonly<Record<string, string>>;

export const createUrgencies = (
  manifests: Manifests,
  strategy: UrgencyStrategy | undefined,
  kinds: Kinds = {},
): Urgencies => ({
  async judge({ target, campaign }) {
    const found = await manifests.find(target.digest);
    const names = target.components.map(componentName);
    const facts = {
      kinds: names.map((name) => kinds[name] ?? name),
      ...('missing' in found ? {} : factsOf(found.manifest)),
    };
    const judged = urgencyOf(facts, strategy);
    const deadlineMs = campaign.created + consequences[judged.urgency].deadlineMs;
    return { ...judged, latestMs: Math.min(campaign.expires, deadlineMs) };
  },
});

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
