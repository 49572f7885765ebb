/** An operator amid the faults: starts releases, gives orders, changes their mind, and takes devices out. */

import { hex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { signAttached } from '@lapel/cose';
import type { OrderName } from '@lapel/status-tracker/protocol';
import { Campaign, CampaignOrder } from '@lapel/status-tracker/protocol';
import type { Clock } from '@lapel/transport';
import type { CrowdRelease } from '../crowd/crowd-release.ts';
import { deviceClass, vendor } from '../firmware.ts';
import type { SeededRandom } from '../random.ts';
import { classNames } from './crowd.ts';
import type { Trackers } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { CampaignGlance } from './tracker-control.ts';
import { whetherDone } from './tracker-control.ts';

const dayMs = 86_400_000;

export interface Furnished {
  readonly author: SigningKey;
  readonly tracker: SigningKey;
  readonly operatorKey: SigningKey;
  readonly releases: readonly CrowdRelease[];
}

/** So many versions behind the newest, or before it, is what an operator starts by mistake. */
const oldMax = 20;
const earlyMax = 4;
/** Campaigns that an operator leaves open. */
const openMax = 10;
/** A campaign under faults is to be halted now and then; the last one is to come to its end. */
const strict = { failureRateMax: 300, silenceMsMax: 4_000 };
const patient = { failureRateMax: 1_000, silenceMsMax: 60_000 };

export interface Operator {
  /** One decision, which may come to nothing while trackers are away. */
  act(): Promise<void>;
  /** The newest release for every class, and nothing else in its way. */
  finish(): Promise<void>;
}

interface OperatorOptions extends Furnished {
  /** The devices of the fleet. */
  readonly ids: readonly string[];
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly trackers: Trackers;
  readonly ledger: Ledger;
}

export function operate(options: OperatorOptions): Operator {
  const { operatorKey, releases, ids, clock, random, trackers, ledger } = options;
  const campaigns: string[] = [];
  const started: CrowdRelease[] = [];
  /** Out of the fleet, or about to be: where a tracker was killed over it, nobody knows. */
  const retired = new Set<string>();
  let orders = 0;

  async function start(release: CrowdRelease, limits = strict): Promise<void> {
    const { digest, className, sequenceNumber } = release;
    const created = clock.wallMs();
    const idBytes = random.bytes(16);
    const id = hex(idBytes);
    const signed = signAttached(
      operatorKey,
      write(Campaign, {
        ...{ version: 1, id: idBytes, name: `${className} ${sequenceNumber}`, manifestDigest: digest },
        ...{ vendor, class: deviceClass(className), waves: [300, 1000], inFlightMax: 100 },
        ...{ ...limits, created, expires: created + dayMs },
      }),
    );
    ledger.campaign({ id, className, digest, sequenceNumber });
    campaigns.push(id);
    await trackers.any()?.ask({ do: 'start', signed });
    started.push(release);
    // Nobody has hundreds of campaigns open for two kinds of devices.
    const old = campaigns.at(-openMax);
    if (old !== undefined) await order(old, 'abort');
  }

  async function order(id: string, name: OrderName): Promise<void> {
    orders++;
    const message = { version: 1, campaign: Buffer.from(id, 'hex'), number: orders, order: name } as const;
    const signed = signAttached(operatorKey, write(CampaignOrder, { ...message, created: clock.wallMs() }));
    const tracker = trackers.any();
    if (tracker === undefined) return;
    await tracker.ask({ do: 'order', campaign: id, signed });
    if (name === 'abort') ledger.aborted(id);
    // The very same order again must change nothing.
    if (random.below(2) === 0) await tracker.ask({ do: 'order', campaign: id, signed });
  }

  async function retire(): Promise<void> {
    const id = ids[random.below(ids.length)] ?? '';
    const tracker = trackers.any();
    if (tracker === undefined || retired.has(id)) return;
    retired.add(id);
    await tracker.ask({ do: 'retire', device: id });
    ledger.retired(id);
  }

  async function takeBack(id: string): Promise<void> {
    const tracker = trackers.any();
    if (tracker === undefined) return;
    ledger.takenBack(id);
    await tracker.ask({ do: 'approve', device: id });
    retired.delete(id);
  }

  async function look(): Promise<void> {
    for (const id of campaigns.slice(-6)) {
      const tracker = trackers.any();
      if (tracker === undefined) return;
      ledger.glance(id, (await tracker.ask({ do: 'campaign', campaign: id })) as CampaignGlance);
    }
  }

  /** Mostly the next version for some class; now and then one that is old by now, or comes too early. */
  function choose(): CrowdRelease | undefined {
    const className = classNames[random.below(classNames.length)];
    const newest = Math.max(1, ...started.filter((each) => each.className === className).map(numberOf));
    const ofClass = releases.filter((each) => each.className === className);
    const wanted = newest + (random.below(4) === 0 ? random.below(oldMax + earlyMax) - oldMax : 1);
    return ofClass.find((each) => numberOf(each) >= wanted) ?? ofClass.at(-1);
  }

  return {
    async act() {
      const chosen = choose();
      const some = campaigns[random.below(Math.max(1, campaigns.length))];
      const begin = async () => (chosen === undefined ? undefined : start(chosen));
      const say = async (name: OrderName) => (some === undefined ? undefined : order(some, name));
      const deeds: readonly (() => Promise<void>)[] = [
        ...[begin, begin, begin, look],
        () => say(random.below(3) === 0 ? 'pause' : 'resume'),
        () => say(random.below(3) === 0 ? 'abort' : 'resume'),
        async () => {
          const [id] = retired;
          return id === undefined ? retire() : takeBack(id);
        },
      ];
      await whetherDone(deeds[random.below(deeds.length)] ?? look);
    },
    async finish() {
      for (const id of retired) await whetherDone(async () => takeBack(id));
      const newest = Math.max(...releases.map(({ sequenceNumber }) => sequenceNumber));
      for (const each of releases.filter(({ sequenceNumber }) => sequenceNumber === newest)) {
        await whetherDone(() => start(each, patient));
      }
    },
  };
}

const numberOf = ({ sequenceNumber }: CrowdRelease) => sequenceNumber;
