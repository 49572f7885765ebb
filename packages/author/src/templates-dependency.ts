/**
 * A manifest that this one needs (draft-ietf-suit-trust-domains-12 §8.1): obtained and proved before anything
 * else, then processed in every sequence that it has.
 */

import type { Command, SectionName } from '@lapel/suit';
import { condition, directive, fetch, override, suggest } from './commands.ts';
import { told } from './fields.ts';
import type { At, Plan, PlannedDependency } from './planned.ts';

export const integrity = condition('condition-dependency-integrity');
const processing = directive('directive-process-dependency');

/** Manifest-37 §10: a digest is set by override alone, so that nobody from above sets another. */
export const dependencyDigest = (
  { index, digest, encrypted }: PlannedDependency,
  at: At,
): readonly Command[] =>
  at(index, [override({ imageDigest: digest, ...told({ imageSize: encrypted?.sizeBytes }) })]);

/**
 * §5.6.4: what one check found is good for a procedure, and a device reads few envelopes in each. So it is
 * checked where the update, the installation and the start begin, and only there.
 */
export function dependencyCommands(
  { uri, sections, encrypted }: PlannedDependency,
  section: SectionName,
  { candidateVerification }: Pick<Plan, 'candidateVerification'>,
): readonly Command[] {
  switch (section) {
    case 'dependencyResolution':
      return [suggest({ uri, ...told({ encryptionInfo: encrypted?.info }) }), fetch, integrity, processing];
    case 'candidateVerification':
      return candidateVerification || sections.has(section) ? [integrity, processing] : [];
    case 'install':
      return [processing];
    case 'validate':
      return [integrity, processing];
    default:
      return sections.has(section) ? [processing] : [];
  }
}
