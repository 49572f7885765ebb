/**
 * The three update modes of draft-zhu-suit-automatic-fu-arch §3, and what they are for: each suite plays a
 * scenario with the real device, tracker and client, and holds the trace against what the draft says.
 */

import type { Notice } from '@lapel/device';
import { decideUpdate } from '@lapel/device';
import type { Terms } from '@lapel/status-tracker/protocol';
import { slowLink } from './modes-link.ts';
import type { Play, Played } from './modes-play.ts';
import { finish, firstOf, hasLine, inOrder, release, timesOf } from './modes-play.ts';
import { configuration, password, vehicle } from './modes-scenarios.ts';
import type { Stage } from './modes-world.ts';
import { hour, minute, modesWorld, second } from './modes-world.ts';

export interface Suite {
  readonly title: string;
  readonly play: Play;
}

const terms: Terms = { transports: ['http'], manifestVersions: [1], reachability: 'always' };

export const suites: readonly Suite[] = [
  { title: 'client-initiated (§3.1): a lamp polls, and installs when it is idle', play: lamp },
  { title: 'server-initiated (§3.2): a meter that is never idle, reachable for 10 s in 10 min', play: meter },
  { title: 'negotiated (§3.3): a pump names a time, and the server waits for it', play: pump },
  { title: 'negotiated: a vehicle fetches while driving, and installs when it is permitted', play: vehicle },
  {
    title: 'an update of the configuration alone is of low urgency, and replaces nothing else',
    play: configuration,
  },
  { title: 'an update that is kept only when the default password has been changed', play: password },
];

export async function lamp(stage: Stage): Promise<Played> {
  const world = await modesWorld(stage);
  let idleFromMs = Infinity;
  const isIdle = async () => world.sinceStart() >= idleFromMs;
  const one = await world.make({
    id: 'lamp',
    className: 'lamp',
    mode: 'client-initiated',
    pollMs: 5 * minute,
    isIdle,
  });
  one.switchOn();
  await world.run(world.at(3 * hour));
  const polls = timesOf(world, /offers/);
  const gaps = polls.slice(1).map((at, index) => at - (polls[index] ?? 0));
  const quiet = world.trace.filter(({ what }) => /payloads|manifests/.test(what)).length;
  await release(world, 'lamp');
  await world.run(world.at(5 * hour));
  const fetched = firstOf(world, /lamp: staged/);
  const before = firstOf(world, /lamp: restarting/);
  idleFromMs = world.sinceStart() + 1234;
  await world.run(world.at(6 * hour));
  const restarted = firstOf(world, /lamp: restarting/);
  return finish(world, [
    [
      'S3-20: it polls now and then, never at equal intervals',
      gaps.length > 20 && new Set(gaps).size > gaps.length / 2,
    ],
    [
      'S3-20: an unchanged answer is `valid`, and nothing is fetched',
      quiet === 0 && hasLine(world, /offers with ETag: valid/),
    ],
    [
      'S3-21: it fetches manifest and image by itself',
      hasLine(world, /manifests: ok/) && hasLine(world, /payloads: ok/),
    ],
    ['S3-22: while it is busy, what was fetched waits', fetched !== undefined && before === undefined],
    [
      'S3-22: it installs within a second of being idle',
      restarted !== undefined && restarted - idleFromMs <= second,
    ],
    ['S4-56: the tracker has it confirmed', (await one.status()) === 'confirmed'],
  ]);
}

export async function meter(stage: Stage): Promise<Played> {
  const window = { days: 0b111_1111, opens: 120, lasts: 120 };
  const world = await modesWorld(stage, { strategy: { window } });
  const { clock } = world;
  const isUp = () => world.sinceStart() % (10 * minute) < 10 * second;
  const untilUpMs = () => 10 * minute - (world.sinceStart() % (10 * minute));
  const announced: number[] = [];
  const one = await world.make({
    ...{ id: 'meter', className: 'meter', mode: 'server-initiated', pollMs: 2 * second },
    terms: {
      ...terms,
      reachability: 'windows',
      reachableMs: 10 * second,
      everyMs: 10 * minute,
      timeZone: 'UTC',
    },
    isIdle: async () => false,
    async onInterruption({ expectedMs }) {
      announced.push(expectedMs);
      world.note('meter: application acknowledges, and would rather not');
      return 'later';
    },
    link: slowLink({ clock, isUp, untilUpMs, bytesPerSecond: () => 400 }),
  });
  one.switchOn();
  await world.run(world.at(4 * hour + minute));
  await release(world, 'meter', { isSpoiled: true });
  await world.run(world.at(20 * hour));
  const spoiled = firstOf(world, /meter: restarting/);
  await release(world, 'meter', { sequence: 3 });
  await world.run(world.at(25 * hour));
  const dormant = firstOf(world, /meter: staged/);
  const early = firstOf(world, /meter: restarting/);
  await world.run(world.at(31 * hour));
  const restarted = firstOf(world, /meter: restarting/) ?? 0;
  const fetches = timesOf(world, /payloads( from \d+)?: (ok|partial)/).filter((at) => at > 20 * hour);
  const windows = new Set(fetches.map((at) => Math.floor(at / (10 * minute))));
  const order = ['meter: interruption-announced', 'meter: application acknowledges', 'meter: restarting'];
  return finish(world, [
    [
      'S3-30: an image that is not the manifest’s is refused, whatever the server wants',
      spoiled === undefined && hasLine(world, /meter: failed/),
    ],
    [`S3-28: the image came over several windows (${windows.size})`, windows.size >= 3],
    ['S3-29: what was fetched stays dormant until the trigger', dormant !== undefined && early === undefined],
    [
      'S3-27: it is triggered in the window of its strategy, 02:00 to 04:00',
      restarted >= 26 * hour && restarted < 28 * hour,
    ],
    ['S3-30: it obeys, though its application would put it off', (await one.status()) === 'confirmed'],
    [
      'S3-42: the interruption is announced with its length and acknowledged, before it',
      announced.some((ms) => ms > 0) && inOrder(world, order),
    ],
  ]);
}

export async function pump(stage: Stage): Promise<Played> {
  const world = await modesWorld(stage);
  const idleAt = 8 * hour;
  const isIdle = async () => world.sinceStart() >= idleAt;
  const decide = async (notice: Notice) => {
    const answer = decideUpdate(notice, { idleAtMs: world.at(idleAt), deferMs: hour });
    world.note(`pump: answers ${answer.decision}${notice.envelope === undefined ? '' : ', by the manifest'}`);
    return answer;
  };
  const one = await world.make({
    ...{ id: 'pump', className: 'pump', mode: 'negotiated', pollMs: 10 * second, isIdle },
    negotiation: { clock: world.clock, decide },
  });
  one.switchOn();
  await world.run(world.at(hour));
  await release(world, 'pump');
  await world.run(world.at(2 * hour));
  await world.restartTracker();
  await world.run(world.at(idleAt - minute));
  const early = firstOf(world, /pump → Firmware Server: payloads/);
  await world.run(world.at(idleAt + 5 * minute));
  const pushed = firstOf(world, /pump → Firmware Server: payloads/) ?? 0;
  await world.run(world.at(9 * hour));
  const first = await one.status();
  await release(world, 'pump', { sequence: 3, isHidden: true });
  const published = world.sinceStart();
  await world.run(world.at(10 * hour));
  const told = timesOf(world, /pump: answers now$/)[0] ?? Infinity;
  return finish(world, [
    [
      'S3-34: by the manifest that came with the notice it names a time',
      hasLine(world, /pump: answers at, by the manifest/),
    ],
    ['S3-38: nothing is fetched before that time', early === undefined],
    [
      'S3-38: the server triggers at that time, though it was restarted',
      pushed >= idleAt && pushed <= idleAt + minute && first === 'confirmed',
    ],
    [
      'S3-32, S3-33: told only that there is something, it answers within half a minute',
      told - published <= minute / 2,
    ],
    [
      'S3-36: it agrees, and the push begins at once',
      inOrder(world, [
        'pump: answers now',
        'pump → Status Tracker: answers: ok',
        'pump: fetching',
        'pump: restarting',
      ]),
    ],
    ['S4-59: the tracker has it confirmed', (await one.status()) === 'confirmed'],
  ]);
}
