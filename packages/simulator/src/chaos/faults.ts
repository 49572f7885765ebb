/** What is done to the trackers, their disk and their database while devices and operators go on. */

import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@lapel/transport';
import type { SeededRandom } from '../random.ts';
import type { TrackerProcess } from './tracker-control.ts';
import { NotDone, startTracker } from './tracker-control.ts';

/** A PostgreSQL server of the proof's own. */
export interface PostgresProcess {
  readonly url: string;
  /** Ends it as a power cut would, and starts it again on what is there. */
  crash(): Promise<void>;
}

export interface Trackers {
  /** A running one, any of them. */
  any(): TrackerProcess | undefined;
  /** One thing goes wrong, and is mended after a while. */
  disturb(): Promise<void>;
  /** Everything is mended: every tracker runs, and there is room on the disk. */
  heal(): Promise<void>;
  close(): Promise<void>;
  /** From when on no tracker may be ignorant of what one of them was told then, on the parent's clock. */
  knownByMs(toldMs: number): number;
  readonly counts: {
    kills: number;
    freezes: number;
    clockJumps: number;
    fullDisks: number;
    databaseCrashes: number;
  };
}

export interface TrackersOptions {
  readonly folder: string;
  readonly random: SeededRandom;
  readonly clock: Clock;
  readonly seconds: number;
  /** Two trackers share it; without it, one has a file. */
  readonly postgres?: PostgresProcess;
  readonly onBug: (because: string) => void;
}

const hourMs = 3_600_000;
/** Room for the database of some hundred devices, and not for ever. */
const diskBytesMin = 48 * 1024 * 1024;
/** What devices say is kept; so much of it comes in a second. */
const diskBytesASecond = 64 * 1024;
const startsMax = 40;
/**
 * News of another tracker travels within milliseconds where nothing is in its way. What was cut off listens
 * again within a second; the rest is for a machine that has much else to do.
 */
const newsMsMax = 3_000;

export async function openTrackers(options: TrackersOptions): Promise<Trackers> {
  const { folder, random, clock, postgres, seconds, onBug } = options;
  const data = join(folder, 'data');
  const diskBytes = diskBytesMin + seconds * diskBytesASecond;
  const isMounted = postgres === undefined && (await mountSmallDisk(data, diskBytes));
  const counts = { kills: 0, freezes: 0, clockJumps: 0, fullDisks: 0, databaseCrashes: 0 };
  let offsetMs = 0;
  /** Since when nothing has stood between a tracker and its database. */
  let calmSinceMs = 0;
  const places: (TrackerProcess | undefined)[] =
    postgres === undefined ? [undefined] : [undefined, undefined];
  const running = () => places.filter((each) => each !== undefined).filter((each) => each.isAlive());
  const some = () => random.below(places.length);

  async function start(place: number): Promise<void> {
    const at = { folder, name: `tracker-${place}`, database: postgres?.url ?? '' };
    for (let left = startsMax; ; left--) {
      try {
        places[place] = await startTracker({ ...at, offsetMs }, onBug);
        return;
      } catch (error) {
        // With a full disk, or without its database, it may not even begin.
        if (left === 0 || !(error instanceof NotDone)) throw error;
        await clock.sleep(250);
      }
    }
  }

  async function disturbed(fault: () => Promise<void>): Promise<void> {
    calmSinceMs = Infinity;
    await fault();
    calmSinceMs = clock.monotonicMs();
  }

  const filler = join(data, 'filler');
  const faults: (() => Promise<void>)[] = [
    async function kill() {
      const place = some();
      counts.kills++;
      await places[place]?.kill();
      await clock.sleep(random.below(300));
      await start(place);
    },
    async function freeze() {
      const victim = places[some()];
      counts.freezes++;
      await disturbed(async () => {
        victim?.freeze();
        await clock.sleep(random.below(1_500));
        victim?.thaw();
      });
    },
    async function clockJump() {
      counts.clockJumps++;
      offsetMs += (random.below(5) - 2) * hourMs;
      await Promise.allSettled(running().map((each) => each.ask({ do: 'clock', offsetMs })));
    },
  ];
  if (postgres !== undefined) {
    faults.push(async function databaseCrash() {
      counts.databaseCrashes++;
      const place = some();
      // Whoever is killed while the database is away must find its way back, too.
      const isKilled = random.below(2) === 0;
      await disturbed(async () => {
        await Promise.all([postgres.crash(), isKilled ? places[place]?.kill() : undefined]);
        if (isKilled) await start(place);
      });
    });
  }
  if (isMounted) {
    faults.push(async function fullDisk() {
      counts.fullDisks++;
      await writeFile(filler, new Uint8Array(diskBytes)).catch(() => undefined);
      await clock.sleep(random.below(1_000));
      const isKilled = random.below(2) === 0;
      if (isKilled) await places[0]?.kill();
      await rm(filler, { force: true });
      if (isKilled) await start(0);
    });
  }

  async function startAll(): Promise<void> {
    for (const place of places.keys()) await start(place);
  }

  await startAll();
  return {
    any() {
      const alive = running();
      return alive[random.below(Math.max(1, alive.length))];
    },
    disturb: () => (faults[random.below(faults.length)] ?? faults[0]!)(),
    async heal() {
      await rm(filler, { force: true });
      for (const each of running()) {
        each.thaw();
        await each.kill();
      }
      offsetMs = 0;
      await startAll();
    },
    async close() {
      for (const each of running()) await each.kill();
    },
    knownByMs: (toldMs) => (postgres === undefined ? toldMs : Math.max(toldMs, calmSinceMs) + newsMsMax),
    counts,
  };
}

/** A disk of its own that can be filled; without the right to mount one, the folder is a plain one. */
async function mountSmallDisk(data: string, bytes: number): Promise<boolean> {
  await mkdir(data, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', data]);
  return status === 0;
}

/** @param data as `openTrackers` mounted it. */
export function unmount(data: string): void {
  spawnSync('umount', ['-q', data], { stdio: 'ignore' });
}
