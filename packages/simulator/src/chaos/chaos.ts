/**
 * Devices, operators and a fleet of faults around trackers that are killed, frozen, given another clock and a
 * full disk: whatever happens, no report is lost or counted twice, no campaign moves backwards, and no device
 * is offered what it may not have.
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { generateSigningKey, keyToPem } from '@lapel/cose';
import type { FleetStore } from '@lapel/status-tracker';
import { createSqliteStore, openPostgresStore } from '@lapel/status-tracker';
import type { Clock } from '@lapel/transport';
import { systemClock, systemRandom } from '@lapel/transport';
import type { CrowdRelease } from '../crowd/crowd-release.ts';
import { makeCrowdRelease } from '../crowd/crowd-release.ts';
import type { SeededRandom } from '../random.ts';
import { seededRandom } from '../random.ts';
import type { Crowd } from './crowd.ts';
import { classNames, openCrowd } from './crowd.ts';
import type { PostgresProcess, Trackers } from './faults.ts';
import { openTrackers, unmount } from './faults.ts';
import type { Ledger } from './ledger.ts';
import { createLedger } from './ledger.ts';
import type { Furnished, Operator } from './operator.ts';
import { operate } from './operator.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly devices: number;
  readonly clock: Clock;
  /** Two trackers share it; without it, one keeps the fleet in a file. */
  readonly postgres?: PostgresProcess;
}

export interface ChaosOutcome {
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
}

/** So long the fleet has to come to rest once nothing goes wrong any more. */
const restSeconds = 180;

export async function runChaos({
  seed,
  seconds,
  devices,
  clock,
  postgres,
}: ChaosOptions): Promise<ChaosOutcome> {
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'lapel-chaos-'));
  let knownByMs: Trackers['knownByMs'] = (toldMs) => toldMs;
  const ledger = createLedger(
    () => clock.monotonicMs(),
    (toldMs) => knownByMs(toldMs),
  );
  const world = await furnish(folder, random, seconds);
  const trackers = await openTrackers({
    ...{ folder, clock, seconds },
    ...(postgres === undefined ? {} : { postgres }),
    random: random.fork('faults'),
    onBug: (because) => ledger.finding(`a bug of the tracker: ${because}`),
  });
  ({ knownByMs } = trackers);
  try {
    const crowd = await openCrowd({
      ...world,
      devices,
      clock,
      random: random.fork('crowd'),
      trackers,
      ledger,
    });
    const { ids } = crowd;
    const operator = operate({ ...world, ids, clock, random: random.fork('operator'), trackers, ledger });
    const until = clock.monotonicMs() + seconds * 1_000;
    const again = async (act: () => Promise<void>) => {
      while (clock.monotonicMs() < until) {
        await clock.sleep(200 + random.below(1_200));
        await act();
      }
    };
    await Promise.all([again(trackers.disturb), again(operator.act)]);
    await trackers.heal();
    await settle(crowd, operator, trackers, clock, ledger);
    await crowd.close();
    await trackers.close();
    const kept = await judge(await openStore(folder, postgres), crowd, ledger);
    const counts = { ...ledger.counts, ...trackers.counts, ...crowd.counts, ...kept };
    return { counts, findings: ledger.findings };
  } finally {
    await trackers.close();
    unmount(join(folder, 'data'));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Keys and releases, as a house has them before it opens. */
async function furnish(folder: string, random: SeededRandom, seconds: number): Promise<Furnished> {
  const author = generateSigningKey('P-256');
  const tracker = generateSigningKey('P-256');
  const operatorKey = generateSigningKey('P-256');
  await mkdir(join(folder, 'keys'));
  await writeFile(join(folder, 'keys/tracker.pem'), keyToPem(tracker));
  await writeFile(join(folder, 'keys/operator.pub.pem'), keyToPem(operatorKey.public));
  await writeFile(join(folder, 'keys/author.pub.pem'), keyToPem(author.public));
  await mkdir(join(folder, 'releases'));
  const releases = await makeReleases(author, random, versionsIn(seconds));
  for (const { digest, envelope } of releases) {
    await writeFile(join(folder, 'releases', `${hex(digest)}.suit`), envelope);
  }
  return { author, tracker, operatorKey, releases };
}

/** More of each class than an operator starts: a new one every other second, of one class or the other. */
const versionsIn = (seconds: number) => 20 + Math.ceil(seconds / 3);
const imageBytes = 64;

async function makeReleases(
  author: SigningKey,
  random: SeededRandom,
  versions: number,
): Promise<readonly CrowdRelease[]> {
  const releases: CrowdRelease[] = [];
  for (const className of classNames) {
    for (let sequenceNumber = 2; sequenceNumber < 2 + versions; sequenceNumber++) {
      const image = random.bytes(imageBytes);
      releases.push(await makeCrowdRelease(author, { className, sequenceNumber, image }));
    }
  }
  return releases;
}

/** Nothing goes wrong any more: every device comes to run the newest release of its class. */
async function settle(crowd: Crowd, operator: Operator, trackers: Trackers, clock: Clock, ledger: Ledger) {
  await operator.finish();
  for (let left = restSeconds; left > 0 && crowd.behind().length > 0; left--) await clock.sleep(1_000);
  for (const device of crowd.behind()) {
    const because = await trackers.any()?.ask({ do: 'explain', device });
    ledger.finding(`${device} never came to run the newest release: ${String(because)}`);
  }
}

async function openStore(folder: string, postgres: PostgresProcess | undefined): Promise<FleetStore> {
  if (postgres === undefined) return createSqliteStore({ path: join(folder, 'data/tracker.sqlite') });
  return openPostgresStore({ url: postgres.url, clock: systemClock, random: systemRandom });
}

/**
 * Strangers that wait at once: a forger may fill the list, and no more than that. Transactions of the same
 * moment do not see each other, and so may each add the last; no tracker has more than ten of them.
 */
const strangersMax = 1_000 + 2 * 10;

async function judge(store: FleetStore, crowd: Crowd, ledger: Ledger): Promise<Record<string, number>> {
  try {
    for (const id of crowd.ids) ledger.judge(id, await store.evidence(id, 100_000));
    const strangers = await store.countDevices('pending');
    if (strangers > strangersMax)
      ledger.finding(`${strangers} strangers wait, expected ${strangersMax} at most`);
    for (const approval of ['approved', 'frozen', 'retired'] as const) {
      const letIn = await store.devices({ limit: 5_000, approval });
      for (const { id, lastError } of letIn) {
        if (!crowd.ids.includes(id)) ledger.finding(`${id} is ${approval}, and nobody has approved it`);
        else if (approval !== 'approved')
          ledger.finding(`${id}, of which there is one, is ${approval}: ${lastError}`);
      }
    }
    return { strangers };
  } finally {
    await store.close();
  }
}
