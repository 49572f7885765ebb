/**
 * The manifest processor's questions about the world, answered while an update is installed
 * (draft-ietf-suit-update-management-14 §5).
 */

import type { Answer, ComponentIdentifier, ComponentMetadata, Effect, Version } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import type { Conditions } from '../conditions.ts';
import { waitFor } from './wait-for.ts';
import { answered } from './within.ts';

export type Condition = Extract<
  Effect,
  { readonly do: 'time' | 'battery' | 'authorize' | 'version' | 'wait' | 'describe' }
>;

export const isCondition = (effect: Effect): effect is Condition =>
  effect.do === 'time' ||
  effect.do === 'battery' ||
  effect.do === 'authorize' ||
  effect.do === 'version' ||
  effect.do === 'wait' ||
  effect.do === 'describe';

export interface Asking {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of what the component holds by now. */
  readonly versionOf: (component: ComponentIdentifier) => Version | undefined;
  /** Called where the update may be done, but not now. */
  readonly onLater: () => void;
}

/** @throws {SuitError} where an event can't be waited for, or does not come. */
export async function askConditions(asking: Asking, effect: Condition): Promise<Answer> {
  const { conditions, clock } = asking;
  switch (effect.do) {
    case 'time':
      return clock.wallIsTrusted ? Math.floor(clock.wallMs() / 1000) : undefined;
    case 'battery':
      return asked(asking, conditions.batteryMilliwattHours);
    case 'authorize':
      return isAuthorized(asking, effect.priority);
    case 'version':
      return asking.versionOf(effect.component);
    case 'wait':
      return waitFor(asking, effect.events);
    case 'describe':
      return requireNoMetadata(effect.metadata);
  }
}

async function isAuthorized(asking: Asking, priority: number): Promise<boolean> {
  const { authorize } = asking.conditions;
  const answer = await asked(asking, authorize === undefined ? undefined : () => authorize(priority));
  if (answer === 'later') asking.onLater();
  return answer === 'yes';
}

async function asked<T>(asking: Asking, ask: (() => Promise<T>) | undefined): Promise<T | undefined> {
  return ask === undefined ? undefined : answered(asking, ask);
}

/**
 * A slot is a place in flash: no name, no owner, no times, no permissions. What a manifest says of these
 * would be lost, so it is refused (§4.6); a regular file is what a slot is anyway.
 */
function requireNoMetadata({ fileType = 'regular', ...rest }: ComponentMetadata): void {
  const [named] = Object.keys(rest);
  if (fileType === 'regular' && named === undefined) return;
  const what = named ?? `file type ${fileType}`;
  const found = `expected a component without metadata, as slots keep none, found ${what}`;
  throw new SuitError('run', 'parameter-unsupported', found);
}
