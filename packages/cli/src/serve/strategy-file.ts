/**
 * The strategies that an operator provisions (draft-zhu-suit-automatic-fu-arch §3.2, §4-4): how urgent a
 * release is whose manifest does not say so, and when devices are updated that leave that to the server.
 */

import type { Shape } from '@lapel/author/written';
import {
  byKey,
  choice,
  fields,
  list,
  locate,
  mapped,
  optional,
  refusal,
  required,
} from '@lapel/author/written';
import { text, told, uint } from '@lapel/author/written';
import type { StatusTrackerOptions } from '@lapel/status-tracker';
import { usualStrategy } from '@lapel/status-tracker/policy';
import type { Urgency } from '@lapel/status-tracker/protocol';
import { urgencies } from '@lapel/status-tracker/protocol';
import { InvalidArgumentError } from 'commander';
import { maintenanceWindow } from '../commands/campaign-terms.ts';
import { readTextFile } from '../files.ts';
import { thousandths } from '../quantities.ts';

export type Strategies = Pick<StatusTrackerOptions, 'urgency' | 'kinds' | 'strategy'>;

const rulesMax = 64;
const kindsMax = 64;
const wordsMax = 128;

const urgency = choice(Object.keys(urgencies) as Urgency[]);

const rule = fields('a rule', {
  urgency: required('The class of a release for which all that stands beside it holds.', urgency, 'high'),
  kind: optional('A kind of component that it changes.', text(wordsMax)),
  delta: optional(
    'Which number of the version it raises, against the release rolled out before.',
    choice(['major', 'minor', 'patch', 'none']),
  ),
  text: optional('What its description of the update contains.', text(wordsMax)),
});

const priorities = fields('priorities', {
  critical: optional('The highest update priority that is critical.', uint),
  high: optional('The highest that is high.', uint),
  normal: optional('The highest that is normal; whatever lies above it is low.', uint),
});

const rising = mapped(priorities, ({ value }, located) => {
  const all = { ...usualStrategy.priorities, ...told(value) };
  if (all.critical < all.high && all.high < all.normal) return all;
  const found = `${all.critical}, ${all.high}, ${all.normal}`;
  throw refusal(located, `expected priorities that rise from critical to high to normal, found ${found}`);
});

const urgencyOfReleases = fields('urgency', {
  priorities: optional('How update priorities of manifests are read: the smaller, the more urgent.', rising),
  rules: optional(
    'For manifests without a priority: the first rule that holds counts.',
    list(
      mapped(rule, ({ value }) => ({ ...told(value), urgency: value.urgency })),
      { min: 1, max: rulesMax },
    ),
  ),
  kinds: optional(
    'What operators call components, by their names.',
    byKey(text(wordsMax), text(wordsMax), kindsMax),
  ),
});

const serverInitiated = fields('server-initiated', {
  window: optional("In each device's local time.", asOnCommandLine(maintenanceWindow)),
  'load-max': optional('A service that is busier is left alone.', asOnCommandLine(thousandths)),
});

const strategies = fields('a strategy', {
  urgency: optional('How urgent a release is.', urgencyOfReleases),
  'server-initiated': optional('When devices are updated that leave that to the server.', serverInitiated),
});

/** What an option would take, where it stands in a file. */
function asOnCommandLine<T>(read: (written: string) => T): Shape<T> {
  return mapped(text(wordsMax), (written, located) => {
    try {
      return read(written);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw refusal(located, `${located.name}: ${error.message}`);
    }
  });
}

/** @throws {DescriptionError} with the line of what can't be read. */
export function readStrategies(written: string, file: string): Strategies {
  const { value } = strategies.read({ ...locate(written, file), name: 'a strategy' });
  const { priorities: limits, rules, kinds } = value.urgency?.value ?? {};
  const { window, 'load-max': loadMax } = value['server-initiated']?.value ?? {};
  return told({
    urgency: { ...usualStrategy, ...told({ priorities: limits, rules }) },
    kinds: kinds === undefined ? undefined : Object.fromEntries(kinds),
    strategy: value['server-initiated'] === undefined ? undefined : told({ window, loadMax }),
  });
}

export const readStrategyFile = async (file: string): Promise<Strategies> =>
  readStrategies(await readTextFile(file), file);
