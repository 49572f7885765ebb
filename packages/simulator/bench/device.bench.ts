/**
 * What an update costs a device in each layout: what it does to the flash, and how long it takes the device
 * away. All of it is counted, so these figures are the same on every machine but the last.
 */

import type { Profile } from '@lapel/device';
import { class1, class1DeleteFirst, class1Overwrite, class1Swap, secureNormal } from '@lapel/device';
import type { Figure } from '../../../tools/figure.ts';
import { cutKinds, survive } from '../src/powercut.ts';
import { scenariosOf, usual } from '../src/powercut-scenarios.ts';
import type { MeasuredUpdate } from './measured-update.ts';
import { measureUpdate } from './measured-update.ts';

/** Where nothing is copied. */
const ab = [class1, secureNormal];
const layouts = [class1, class1Overwrite, class1Swap, class1DeleteFirst, secureNormal] as const;
const sizesKiB = [10, 40] as const;
const largeKiB = 400;

type Make = (typeof layouts)[number];

export const figures: readonly Figure[] = [
  ...layouts.flatMap((make) => sizesKiB.flatMap((size) => figuresOf(make, size))),
  ...figuresOf(class1, largeKiB),
  { room: 'simulator', name: 'cuts tried, class1', unit: 'per second', measure: cutsPerSecond },
];

function figuresOf(make: Make, sizeKiB: number): readonly Figure[] {
  const imageBytes = sizeKiB * 1024;
  // Slots are as large as the image, but an even number of pages: a chip beside has larger ones.
  const profile = make({ imagePages: 2 * Math.ceil(sizeKiB / 4) });
  const count = imagesOf(profile);
  const images = count === 1 ? `${sizeKiB} KiB` : `${count} × ${sizeKiB} KiB`;
  const [named, of] = [`${profile.name}, ${images}`, once(() => measureUpdate(profile, imageBytes))];
  const isAb = ab.includes(make);
  const figure = (name: string, unit: string, measure: (found: MeasuredUpdate) => number) => ({
    room: 'device',
    name: `${named}: ${name}`,
    unit,
    measure: async () => measure(await of()),
  });
  const beyond = figure(
    'written beyond image and envelope',
    count === 1 ? 'bytes' : 'bytes for each image',
    ({ programmedBytes, broughtBytes }) => (programmedBytes - broughtBytes) / count,
  );
  const moved = figure(
    'written before it runs, after the download',
    '× the image',
    ({ startsProgrammedBytes }) => startsProgrammedBytes / imageBytes,
  );
  const away = figure(
    'downtime',
    '× a plain start of the same image',
    ({ downtimeMs, plainStartMs }) => downtimeMs / plainStartMs,
  );
  return [
    figure('flash operations of an update', 'programs and erases', ({ operations }) => operations),
    isAb ? { ...beyond, aim: '≤ 1024', atMost: 1024 } : beyond,
    ...(make === class1Swap ? [{ ...moved, aim: '≤ 2.2', atMost: 2.2 }] : []),
    figure('downtime, by the timing of the profile', 'ms', ({ downtimeMs }) => downtimeMs),
    isAb ? { ...away, aim: '≤ 1.15', atMost: 1.15 } : away,
    figure(
      'downtime that is announced',
      '× that one',
      ({ expectedMs, downtimeMs }) => expectedMs / downtimeMs,
    ),
  ];
}

function imagesOf({ layout }: Profile): number {
  return layout.components.filter(({ role }) => role !== 'recovery').length;
}

/** It is the same each time. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

const cutsTried = 40;
const seed = 1;
const scenarios = once(() => scenariosOf('class1', seed, usual));

async function cutsPerSecond(): Promise<number> {
  const [update] = await scenarios();
  if (update === undefined) throw new Error('expected a scenario, found none');
  const started = performance.now();
  for (let cut = 0; cut < cutsTried; cut++) {
    const kind = cutKinds[cut % cutKinds.length] ?? 'before';
    await survive(update, [{ operation: cut, kind }], seed);
  }
  return (1000 * cutsTried) / (performance.now() - started);
}
