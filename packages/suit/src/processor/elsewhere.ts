/**
 * Components that somebody else answers for: another processor, or a manifest that came later. Whom a
 * manifest is for is asked of every component all the same; the rest is passed over.
 */

import type { PolicyCommandName } from '../registry.ts';
import type { Command } from '../sequence.ts';
import type { State } from './state.ts';

export const isAnothers = (command: Command, component: number, { others }: State): boolean =>
  others.has(component) && 'policy' in command && !identifying.has(command.name);

const identifying: ReadonlySet<PolicyCommandName> = new Set([
  'condition-vendor-identifier',
  'condition-class-identifier',
  'condition-device-identifier',
]);
