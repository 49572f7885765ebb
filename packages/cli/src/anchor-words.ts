/** What somebody is trusted with, in words. */

import { componentText } from '@lapel/author';
import type { AnchorState, Grant } from '@lapel/suit';

export interface AnchorRights {
  readonly components?: readonly string[];
  readonly directives?: readonly string[];
  readonly delegates: boolean;
}

export const rightsOf = ({
  components,
  directives,
  delegates,
}: Pick<Grant, 'components' | 'directives' | 'delegates'>): AnchorRights => ({
  ...(components === undefined ? {} : { components: components.map(componentText) }),
  ...(directives === undefined ? {} : { directives }),
  delegates: delegates === true,
});

export function rightsText({ components, directives, delegates }: AnchorRights): string {
  if (components?.length === 0) return 'signs campaigns, and vouches for no manifest';
  const what = directives?.map((each) => each.replace('directive-', '')).join(', ');
  const touching =
    components === undefined ? 'every component' : components.map((each) => each || 'every one').join(', ');
  const does = what === undefined ? `may touch ${touching}` : `may ${what} on ${touching}`;
  return delegates ? `${does}, and says who else is trusted` : does;
}

export const stateWords: Readonly<Record<AnchorState, string>> = {
  install: 'vouches for updates',
  'boot-only': 'retired: vouches only for what is installed',
  revoked: 'revoked for ever',
};
