/** What a command works on, and how it fails. */

import type { ComponentIdentifier, Parameters } from '../manifest.ts';
import type { Policy } from '../policy.ts';
import { SuitError } from '../reason.ts';
import type { Permissions } from '../trust-domains.ts';
import type { Answer, Effect } from './effect.ts';

/** What a command sees: its component, that component's parameters, and the manifest around it. */
export interface Target {
  readonly component: ComponentIdentifier;
  /** Whether it holds the envelope of a dependency. */
  readonly isDependency: boolean;
  readonly parameters: Parameters;
  readonly components: readonly ComponentIdentifier[];
  /** Integrated payloads by name (§7.5). */
  readonly payloads: ReadonlyMap<string, Uint8Array>;
  readonly contentBytesMax: number;
  readonly policy: Policy;
  /** Of whoever vouches for the manifest: each permits what it does. */
  readonly permissions: readonly Permissions[];
}

/** Why a condition does not hold, or undefined. */
export type Verdict = string | undefined;

/** What a command asks of the world, and what the answer means to it. */
export interface Question {
  /** Told before it asks. */
  readonly first?: Effect;
  readonly ask: Effect;
  readonly judge: (answer: Answer) => Verdict;
}

/** A directive's parameter, which must be set. */
export function needed<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw operationFailed(`expected the parameter ${name} to be set, found none`);
  return value;
}

export const operationFailed = (message: string): SuitError =>
  new SuitError('run', 'operation-failed', message);
