/** The arguments of `npm run powercut`, and how they are used. */

import { parseArgs } from 'node:util';
import type { CutKind, Place, ReadFault } from './powercut.ts';
import { cutKinds } from './powercut.ts';
import { powercutProfiles } from './powercut-scenarios.ts';

const profileNames = Object.keys(powercutProfiles);
const granules = [1, 4, 8, 16, 32] as const;

export const usage = `npm run powercut -- [--profile P] [--scenario NAME] [--seconds N] [--pairs N] [--seed N]
                      [--granule N] [--small] [--cut N:KIND]... [--fault N:UNTIL]... [--mutants] [--json]

Cuts the power at every flash operation of the updates of every layout, in five ways; restarts the device
after each cut, and asks a reader of its own what the flash holds. Then it cuts a second time while the device
mends what the first cut left, and lets reads fail. The last line is a JSON object with the totals. Exits 0
when nothing was violated, and every change of a slot's state was seen.

  --profile P      one layout only: ${profileNames.slice(0, 4).join(', ')},
                   ${profileNames.slice(4).join(', ')}
  --scenario NAME  one scenario only
  --seconds N      so long instead of everything: shared out, cuts first, then drawn pairs
  --pairs N        drawn pairs in each scenario       (default 20; with --seconds as many as time allows)
  --seed N         for images, for what a cut leaves, and for what is drawn     (default 1)
  --granule N      ${granules.join(', ')} bytes are programmed at once  (default 8, and others for one update)
  --small          images of two pages, as where every pair of operations is tried
  --cut N:KIND     only this: the power goes at operation N, with the next --cut of the life after it;
                   ${cutKinds.join(', ')}; another draw of a kind is N:KIND:DRAW
  --fault N:UNTIL  only this: the granule at address N cannot be read behind the last cut; read (once), never
  --mutants        faults are put into the device one after the other, and the proof must find each
  --json           print the JSON object and nothing else
`;

export interface Options {
  readonly profiles: readonly string[];
  readonly scenario: string | undefined;
  readonly seconds: number | undefined;
  readonly pairs: number | undefined;
  readonly seed: number;
  readonly granule: number | undefined;
  readonly isSmall: boolean;
  readonly cuts: readonly Place[];
  readonly faults: readonly ReadFault[];
  readonly mutants: boolean;
  readonly json: boolean;
}

export class UsageError extends Error {}

/** @returns undefined where help is asked for. @throws {UsageError} */
export function optionsFrom(args: readonly string[]): Options | undefined {
  const values = parsed(args);
  if (values.help) return undefined;
  const { profile, scenario, granule } = values;
  if (profile !== undefined && !profileNames.includes(profile)) {
    throw new UsageError(`expected --profile to be one of ${profileNames.join(', ')}, found ${profile}`);
  }
  if (granule !== undefined && !granules.some((bytes) => String(bytes) === granule)) {
    throw new UsageError(`expected --granule to be one of ${granules.join(', ')}, found ${granule}`);
  }
  const [cuts, faults] = [values.cut.map(placeFrom), values.fault.map(faultFrom)];
  if (cuts.length + faults.length > 0 && (profile === undefined || scenario === undefined)) {
    throw new UsageError('expected --profile and --scenario with --cut and --fault, found none');
  }
  const optional = (option: string, text: string | undefined, max: number) =>
    text === undefined ? undefined : wholeNumber(option, text, max);
  return {
    profiles: profile === undefined ? profileNames : [profile],
    scenario,
    seconds: optional('--seconds', values.seconds, 1e6),
    pairs: optional('--pairs', values.pairs, 1e9),
    seed: wholeNumber('--seed', values.seed, 2 ** 32 - 1),
    granule: optional('--granule', granule, 32),
    isSmall: values.small,
    cuts,
    faults,
    mutants: values.mutants,
    json: values.json,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        profile: { type: 'string' },
        scenario: { type: 'string' },
        seconds: { type: 'string' },
        pairs: { type: 'string' },
        seed: { type: 'string', default: '1' },
        granule: { type: 'string' },
        small: { type: 'boolean', default: false },
        cut: { type: 'string', multiple: true, default: [] },
        fault: { type: 'string', multiple: true, default: [] },
        mutants: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) throw new UsageError(error.message);
    throw error;
  }
}

function placeFrom(text: string): Place {
  const [operation = '', kind = '', draw] = text.split(':');
  if (!isCutKind(kind)) {
    throw new UsageError(`expected --cut to be OPERATION:KIND, KIND ${cutKinds.join(', ')}, found ${text}`);
  }
  const drawn = draw === undefined ? {} : { draw: wholeNumber('--cut', draw, 1e9) };
  return { operation: wholeNumber('--cut', operation, 1e9), kind, ...drawn };
}

const isCutKind = (text: string): text is CutKind => cutKinds.some((kind) => kind === text);

function faultFrom(text: string): ReadFault {
  const [address = '', until] = text.split(':');
  if (until !== 'read' && until !== 'never') {
    throw new UsageError(`expected --fault to be ADDRESS:read or ADDRESS:never, found ${text}`);
  }
  return { address: wholeNumber('--fault', address, 1e9), until };
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new UsageError(`expected ${option} to be a whole number up to ${max}, found ${text}`);
}
