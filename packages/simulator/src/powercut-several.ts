/**
 * Updates of several components, together and one after the other; and of those of two authors, where the
 * manifest of the one needs that of the other.
 */

import type { Profile } from '@lapel/device';
import { componentName } from '@lapel/suit';
import type { Size } from './powercut-before.ts';
import { aged, bytesIn, ruin } from './powercut-before.ts';
import type { Release, Scenario } from './powercut-scenario.ts';
import type { Wanted, Workshop } from './powercut-workshop.ts';
import { attempts } from './powercut-workshop.ts';
import { twoAuthors } from './two-authors.ts';

export async function several(profile: Profile, made: Workshop, size: Size): Promise<readonly Scenario[]> {
  const [{ identifier: a }, second] = profile.layout.components;
  const b = second?.identifier ?? a;
  const of = (share: number): Wanted => [a, bytesIn(size, share)];
  const ofOther = (share: number): Wanted => [b, bytesIn(size, share)];
  const [old, both] = [
    await made.release(1, of(0.7), ofOther(0.4)),
    await made.release(2, of(0.8), ofOther(0.5)),
  ];
  const [onlyA, onlyB] = [await made.release(3, of(0.5)), await made.release(4, ofOther(0.6))];
  const last = await made.release(5, of(0.9), ofOther(0.9));
  const ends = (forA: Release, forB: Release) =>
    new Map([
      [componentName(a), forA],
      [componentName(b), forB],
    ]);
  const base = {
    profile,
    factory: made.device(profile, [old]),
    releases: [old, both, onlyA, onlyB, last],
    attempts,
    behaviour: 'sound',
    keepsConfirmed: true,
  } as const;
  const together = { ...base, name: 'both at once', offers: [both], wanted: ends(both, both) };
  const inTurn = { ...base, offers: [onlyA, onlyB], wanted: ends(onlyA, onlyB) };
  const used = await aged({ ...inTurn, name: 'one after the other' });
  const later = { ...base, factory: used, offers: [last], wanted: ends(last, last) };
  return [
    together,
    { ...together, name: 'both at once, failed self-test', behaviour: 'sick', wanted: ends(old, old) },
    { ...together, name: 'both at once, crash', behaviour: 'crashes', wanted: ends(old, old) },
    { ...inTurn, name: 'one after the other' },
    { ...together, name: 'both at once, wrong payload', wrongPayloads: 1 },
    { ...later, name: 'both again, full journal' },
    { ...later, ...ruin(later, last), name: 'recovery of both', wanted: ends(last, last) },
  ];
}

/** A device that is updated by one author's manifest, of which another author's is a part. */
export async function ofTwoAuthors(
  profile: Profile,
  made: Workshop,
  size: Size,
): Promise<readonly Scenario[]> {
  const { components, anchors, update } = twoAuthors(profile, made.author);
  const [firmware, firmwareManifest, application, applicationManifest] = components;
  const image = (share: number): Uint8Array => made.random.bytes(bytesIn(size, share));
  const first = await made.release(1, [firmware, image(0.7)]);
  const both = update({ firmwareImage: image(0.8), applicationImage: image(0.5) });
  const later = update({ sequence: 3, firmwareImage: image(0.6), applicationImage: image(0.9) });
  // A line brings what a manifest names itself, not what its dependencies do.
  const brought = await made.release(4, [firmware, image(0.4)]);
  const ends = (release: Release) =>
    new Map(
      [firmware, firmwareManifest, application, applicationManifest].map((each) => [
        componentName(each),
        release,
      ]),
    );
  const base = {
    profile,
    factory: made.device(profile, [first], { anchors }),
    releases: [first, both, later, brought],
    attempts,
    behaviour: 'sound',
    keepsConfirmed: true,
  } as const;
  const once = { ...base, name: 'with a dependency', offers: [both], wanted: ends(both) };
  const old = new Map([[componentName(firmware), first]]);
  const next = { ...base, factory: await aged(once), offers: [later], wanted: ends(later) };
  const isBrought = new Map([[componentName(firmware), brought]]);
  return [
    once,
    { ...once, name: 'with a dependency, failed self-test', behaviour: 'sick', wanted: old },
    { ...once, name: 'with a dependency, crash', behaviour: 'crashes', wanted: old },
    { ...once, name: 'with a dependency, wrong payload', wrongPayloads: 1 },
    { ...next, name: 'with a dependency again, full journal' },
    { ...next, ...ruin(next, brought), name: 'recovery without it', offers: [brought], wanted: isBrought },
  ];
}
