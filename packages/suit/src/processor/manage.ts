/**
 * The commands of draft-ietf-suit-update-management-14 §5 that ask the world. A condition without its
 * parameter fails (manifest-37 §8.4.9); a directive without it aborts.
 */

import { hex } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import { knownDigest } from '../manifest.ts';
import { isVersionMatch, versionText } from '../update-management.ts';
import type { Question, Target } from './target.ts';
import { needed, operationFailed } from './target.ts';

/** §5.1: the trusted clock decides; whether one without may go on, its policy. */
export function useBefore({ component, parameters, policy }: Target): Question | string {
  const limit = parameters.useBefore;
  if (limit === undefined) return 'expected use-before to be set, found none';
  return {
    ask: { do: 'time', component },
    judge(now) {
      if (typeof now === 'number') {
        return now < limit ? undefined : `expected a time before ${limit}, found ${now}`;
      }
      return policy.acceptsExpiryWithoutClock ? undefined : 'expected a clock that is trusted, found none';
    },
  };
}

/** §5.2: what holds nothing matches nothing. */
export function imageNotMatch({ component, parameters }: Target): Question | string {
  if (parameters.imageDigest === undefined) return 'expected an image digest to be set, found none';
  const { algorithm, bytes } = knownDigest('run', parameters.imageDigest);
  return {
    ask: { do: 'digest', component, algorithm },
    judge: (found) =>
      found instanceof Uint8Array && equalInConstantTime(found, bytes)
        ? `expected another image than ${algorithm} ${hex(bytes)}, found it`
        : undefined,
  };
}

export function minimumBattery({ component, parameters }: Target): Question | string {
  const least = parameters.minimumBattery;
  if (least === undefined) return 'expected minimum-battery to be set, found none';
  return {
    ask: { do: 'battery', component },
    judge(found) {
      if (typeof found === 'number' && found >= least) return undefined;
      return `expected a battery with ${least} mWh, found ${typeof found === 'number' ? found : 'none'}`;
    },
  };
}

export function updateAuthorized({ component, parameters }: Target): Question | string {
  const priority = parameters.updatePriority;
  if (priority === undefined) return 'expected update-priority to be set, found none';
  const refused = `expected the application to authorize an update of priority ${priority}, found it refused`;
  return {
    ask: { do: 'authorize', component, priority },
    judge: (answer) => (answer === true ? undefined : refused),
  };
}

export function version({ component, parameters }: Target): Question | string {
  if (parameters.version === undefined) return 'expected a version to be set, found none';
  const match = parameters.version;
  const [comparison, wanted] = match;
  return {
    ask: { do: 'version', component },
    judge(found) {
      const numbers = Array.isArray(found) ? (found as readonly number[]) : undefined;
      if (numbers !== undefined && isVersionMatch(match, numbers)) return undefined;
      const told = numbers === undefined ? 'none' : versionText(numbers);
      return `expected a version ${comparison.replaceAll('-', ' ')} ${versionText(wanted)}, found ${told}`;
    },
  };
}

/** §5.6: a directive, so one that can't be waited for aborts. */
export function wait({ component, parameters }: Target): Question {
  const events = needed(parameters.waitInfo, 'wait-info');
  return {
    ask: { do: 'wait', component, events },
    judge(answer) {
      if (answer === true) return undefined;
      const names = Object.keys(events).join(', ');
      throw operationFailed(`expected to wait for ${names}, found that unsupported`);
    },
  };
}
