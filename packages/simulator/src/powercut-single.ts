/** Updates of one firmware: sound ones and bad ones, one with a journal that is full, and a recovery. */

import { encodeWrappingKey, generateWrappingKey } from '@lapel/cose';
import type { Profile, Provision } from '@lapel/device';
import { componentName } from '@lapel/suit';
import type { Part } from './firmware.ts';
import type { Size } from './powercut-before.ts';
import { aged, bytesIn, ruin } from './powercut-before.ts';
import type { Release, Scenario } from './powercut-scenario.ts';
import type { Wanted, Workshop } from './powercut-workshop.ts';
import { attempts } from './powercut-workshop.ts';

export async function single(profile: Profile, made: Workshop, size: Size): Promise<readonly Scenario[]> {
  const { components } = profile.layout;
  const [{ identifier: main, scheme }] = components;
  const { travelling, trust } = secretFor(profile);
  const of = (share: number, index = -1): Wanted => [main, bytesIn(size, share), travelling[index] ?? {}];
  const helper = components.find(({ role }) => role === 'recovery');
  const helpers =
    helper === undefined ? [] : [await made.release(1, [helper.identifier, bytesIn(size, 0.3)])];
  const [first, second] = [await made.release(1, of(0.75)), await made.release(2, of(0.86, 0))];
  const [third, fourth] = [await made.release(3, of(0.61, 1)), await made.release(4, of(0.99))];
  const base = {
    profile,
    factory: made.device(profile, [first, ...helpers], trust),
    releases: [first, second, third, fourth, ...helpers],
    attempts,
    behaviour: 'sound',
    keepsConfirmed: scheme !== 'overwrite',
  } as const;
  const ends = (release: Release) => new Map([[componentName(main), release]]);
  // Where the old image is gone, only a better one mends what a bad one has done.
  const keepsOld = scheme === 'two-slots' || scheme === 'swap';
  const bad = keepsOld
    ? { offers: [second], wanted: ends(first) }
    : { offers: [second, third], wanted: ends(third), ...(helper === undefined ? { brought: third } : {}) };
  const update = { ...base, name: 'update', offers: [second], wanted: ends(second) };
  const used = await aged(update);
  const later = { ...base, factory: used, offers: [third], wanted: ends(third) };
  return [
    update,
    { ...base, ...bad, name: 'failed self-test', behaviour: 'sick' },
    { ...base, ...bad, name: 'crash', behaviour: 'crashes' },
    { ...update, name: 'wrong payload', wrongPayloads: 1 },
    ...(travelling.length === 0
      ? []
      : [
          {
            ...update,
            name: 'wrong plain payload',
            wrongPayloads: 1,
            offers: [fourth],
            wanted: ends(fourth),
          },
        ]),
    { ...later, name: 'third update, full journal' },
    { ...later, ...ruin(later, fourth), name: 'recovery', wanted: ends(fourth), offers: [fourth] },
  ];
}

/** How payloads travel to a device that has room for what is encrypted, and the key that it has for them. */
function secretFor({ layout }: Profile): Secretly {
  const download = layout.components.find(({ role }) => role === 'staging');
  if (download === undefined) return { travelling: [], trust: {} };
  const key = encodeWrappingKey(generateWrappingKey('A128KW'));
  const secret = { keys: [key], staging: download.identifier };
  return {
    travelling: [{ secret }, { secret: { ...secret, algorithm: 'A128CTR' }, format: 'compressed' }],
    trust: { decryptionKeys: [key] },
  };
}

interface Secretly {
  readonly travelling: readonly Pick<Part, 'format' | 'secret'>[];
  readonly trust: Partial<Provision>;
}
