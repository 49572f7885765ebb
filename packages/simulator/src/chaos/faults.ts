/** What is done to the trackers and their disk while devices and operators go on. */

import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SeededRandom } from '../random.ts';
import type { TrackerProcess } from './tracker-control.ts';
import { NotDone, startTracker } from './tracker-control.ts';

export interface Trackers {
  /** A running one, any of them. */
  any(): TrackerProcess | undefined;
  /** One thing goes wrong, and is mended after a while. */
  disturb(): Promise<void>;
  /** Everything is mended: one tracker, room on the disk. */
  heal(): Promise<void>;
  close(): Promise<void>;
  readonly counts: { kills: number; freezes: number; clockJumps: number; fullDisks: number };
}

export interface TrackersOptions {
  readonly folder: string;
  readonly random: SeededRandom;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onBug: (because: string) => void;
}

const hourMs = 3_600_000;
/** Room for the database of some hundred devices, and not for ever. */
const diskBytes = 48 * 1024 * 1024;
const startsMax = 20;

export async function openTrackers({ folder, random, sleep, onBug }: TrackersOptions): Promise<Trackers> {
  const data = join(folder, 'data');
  const isMounted = await mountSmallDisk(data);
  const counts = { kills: 0, freezes: 0, clockJumps: 0, fullDisks: 0 };
  let offsetMs = 0;
  let running: TrackerProcess[] = [await start()];

  async function start(): Promise<TrackerProcess> {
    for (let left = startsMax; ; left--) {
      try {
        return await startTracker(folder, offsetMs, onBug);
      } catch (error) {
        // With a full disk it may not even begin.
        if (left === 0 || !(error instanceof NotDone)) throw error;
        await sleep(250);
      }
    }
  }

  const filler = join(data, 'filler');
  const faults: readonly (() => Promise<void>)[] = [
    async function kill() {
      const [victim] = running;
      counts.kills++;
      await victim?.kill();
      running = running.slice(1);
      await sleep(random.below(300));
      if (running.length === 0) running = [await start()];
    },
    async function freeze() {
      const [victim] = running;
      counts.freezes++;
      victim?.freeze();
      await sleep(random.below(1_500));
      victim?.thaw();
    },
    async function clock() {
      counts.clockJumps++;
      offsetMs += (random.below(5) - 2) * hourMs;
      await Promise.allSettled(running.map((each) => each.ask({ do: 'clock', offsetMs })));
    },
    async function fullDisk() {
      if (!isMounted) return;
      counts.fullDisks++;
      await writeFile(filler, new Uint8Array(diskBytes)).catch(() => undefined);
      await sleep(random.below(1_000));
      // Whoever is killed now must find its way back, too.
      if (random.below(2) === 0) await running[0]?.kill();
      await rm(filler, { force: true });
      running = running.filter((each) => each.isAlive());
      if (running.length === 0) running = [await start()];
    },
  ];

  return {
    any: () => running[random.below(Math.max(1, running.length))],
    disturb: () => (faults[random.below(faults.length)] ?? faults[0]!)(),
    async heal() {
      await rm(filler, { force: true });
      for (const each of running) {
        each.thaw();
        await each.kill();
      }
      offsetMs = 0;
      running = [await start()];
    },
    async close() {
      for (const each of running) await each.kill();
      running = [];
    },
    counts,
  };
}

/** A disk of its own that can be filled; without the right to mount one, the folder is a plain one. */
async function mountSmallDisk(data: string): Promise<boolean> {
  await mkdir(data, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', data]);
  return status === 0;
}

/** @param data as `openTrackers` mounted it. */
export function unmount(data: string): void {
  spawnSync('umount', [data]);
}
