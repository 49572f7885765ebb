/**
 * The commands of draft-ietf-suit-update-management-14 §5 that ask the world. A condition without its
 * parameter fails (manifest-37 §8.4.9); a directive without it aborts.
 */

import { hex } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import { knownDigest } from '../manifest.ts';
import { isVersionMatch, versionText } from '../update-management.ts';
import type { Run } from './drive.ts';
import type { Target, Verdict } from './target.ts';
import { needed, operationFailed } from './target.ts';

/** §5.1: the trusted clock decides; whether one without may go on, its policy. */
export function* useBefore({ component, parameters, policy }: Target): Run<Verdict> {
  const limit = parameters.useBefore;
  if (limit === undefined) return 'expected use-before to be set, found none';
  const now = yield { do: 'time', component };
  if (typeof now !== 'number') {
    return policy.acceptsExpiryWithoutClock ? undefined : 'expected a clock that is trusted, found none';
  }
  return now < limit ? undefined : `expected a time before ${limit}, found ${now}`;
}

/** §5.2: what holds nothing matches nothing. */
export function* imageNotMatch({ component, parameters }: Target): Run<Verdict> {
  if (parameters.imageDigest === undefined) return 'expected an image digest to be set, found none';
  const { algorithm, bytes } = knownDigest('run', parameters.imageDigest);
  const found = yield { do: 'digest', component, algorithm };
  if (!(found instanceof Uint8Array) || !equalInConstantTime(found, bytes)) return undefined;
  return `expected another image than ${algorithm} ${hex(bytes)}, found it`;
}

export function* minimumBattery({ component, parameters }: Target): Run<Verdict> {
  const least = parameters.minimumBattery;
  if (least === undefined) return 'expected minimum-battery to be set, found none';
  const found = yield { do: 'battery', component };
  if (typeof found === 'number' && found >= least) return undefined;
  return `expected a battery with ${least} mWh, found ${typeof found === 'number' ? found : 'none'}`;
}

export function* updateAuthorized({ component, parameters }: Target): Run<Verdict> {
  const priority = parameters.updatePriority;
  if (priority === undefined) return 'expected update-priority to be set, found none';
  if ((yield { do: 'authorize', component, priority }) === true) return undefined;
  return `expected the application to authorize an update of priority ${priority}, found it refused`;
}

export function* version({ component, parameters }: Target): Run<Verdict> {
  if (parameters.version === undefined) return 'expected a version to be set, found none';
  const [comparison, wanted] = parameters.version;
  const found = yield { do: 'version', component };
  const numbers = Array.isArray(found) ? (found as readonly number[]) : undefined;
  if (numbers !== undefined && isVersionMatch(parameters.version, numbers)) return undefined;
  const told = numbers === undefined ? 'none' : versionText(numbers);
  return `expected a version ${comparison.replaceAll('-', ' ')} ${versionText(wanted)}, found ${told}`;
}

/** §5.6: a directive, so one that can't be waited for aborts. */
export function* wait({ component, parameters }: Target): Run<Verdict> {
  const events = needed(parameters.waitInfo, 'wait-info');
  if ((yield { do: 'wait', component, events }) === true) return undefined;
  throw operationFailed(`expected to wait for ${Object.keys(events).join(', ')}, found that unsupported`);
}
