/** How what a manifest installs goes again (draft-ietf-suit-trust-domains-12 §6). */

import type { Command } from '@lapel/suit';
import { directive } from './commands.ts';
import type { At, Plan } from './planned.ts';
import { integrity } from './templates-dependency.ts';

const unlink = directive('directive-unlink');

/** What needs comes before what is needed; a dependency that nobody needs uninstalls itself. */
export function uninstall(plan: Plan, at: At): readonly Command[] {
  if (!plan.uninstall) return [];
  const installed = plan.components.filter(({ images }) => images.length > 0);
  return [
    ...installed.flatMap(({ index, stagingIndex, load }) =>
      [index, stagingIndex, load?.index].flatMap((each) => (each === undefined ? [] : at(each, [unlink]))),
    ),
    // §5.6.5: unlinked is a manifest that was checked in the same procedure.
    ...plan.dependencies.flatMap(({ index }) => at(index, [integrity, unlink])),
  ];
}
