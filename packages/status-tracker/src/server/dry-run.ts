/**
 * What a campaign would do, before anybody starts it: its steps in turn, whom it is for, and every device
 * that could not have it, with the reason. A pure function of the campaign and of the devices.
 */
import { draw, waveOf } from '../policy/draw.ts';
import { failuresToHalt, successesToGo } from '../policy/gate.ts';
import type { Campaign } from '../protocol.ts';
import { belonging } from './attributes.ts';
import type { Accepted } from './campaign.ts';
import { deadlineOf } from './campaign.ts';
import type { DeviceView } from './fleet.ts';
import { standing } from './fleet.ts';
import type { Needs } from './needs.ts';
import { unmetBy } from './needs.ts';

export interface DryRun {
  readonly id: string;
  readonly name: string;
  /** In words, in the order in which they would be taken. */
  readonly steps: readonly string[];
  readonly meant: number;
  /** Of those that are meant: who would be offered it. */
  readonly fitting: number;
  /** Who runs it already, or something newer. */
  readonly done: number;
  /** Devices of the class that the query does not mean, and those that have not told enough. */
  readonly notMeant: number;
  readonly unknown: number;
  /** Devices that would get nothing, though they are meant, and why; the first ones of many. */
  readonly unfit: readonly { readonly device: string; readonly because: string }[];
  readonly unfitCount: number;
}

/** What a person or a script reads at once; the count tells the rest. */
const unfitMax = 1_000;

export interface DryRunner {
  add(device: DeviceView): void;
  result(): DryRun;
}

/**
 * Devices are added one by one: a fleet need not be in memory.
 * @param needs of the release, where its manifest is proven
 */
export function createDryRun(accepted: Accepted, needs: Needs | undefined): DryRunner {
  const { campaign, id } = accepted;
  const counts = { meant: 0, fitting: 0, done: 0, notMeant: 0, unknown: 0, unfitCount: 0 };
  const unfit: { device: string; because: string }[] = [];
  const waves = campaign.waves.map(() => 0);
  return {
    add(device) {
      if (!isOfClass(campaign, device)) return;
      const belongs = belonging(campaign, device);
      if (belongs !== 'meant') {
        counts[belongs === 'unknown' ? 'unknown' : 'notMeant'] += 1;
        return;
      }
      counts.meant += 1;
      const because = reasonAgainst(device, accepted, needs);
      if (because === 'done') counts.done += 1;
      else if (because === undefined) {
        counts.fitting += 1;
        const wave = waveOf(draw(id, device.id), campaign.waves);
        waves[wave] = (waves[wave] ?? 0) + 1;
      } else {
        counts.unfitCount += 1;
        if (unfit.length < unfitMax) unfit.push({ device: device.id, because });
      }
    },
    result: () => ({
      ...{ id, name: campaign.name, ...counts, unfit },
      steps: stepsOf(accepted, counts.fitting),
    }),
  };
}

function isOfClass(given: Campaign, device: DeviceView): boolean {
  const { predicate: _, ...campaign } = given;
  if (device.approval === 'retired') return false;
  return belonging(campaign, { ...device, approval: 'approved' }) === 'meant';
}

function reasonAgainst(
  device: DeviceView,
  { target }: Accepted,
  needs: Needs | undefined,
): string | undefined {
  if (device.inventory === undefined) return 'it has not told yet what it runs';
  const { status, because = status } = standing(device.inventory, target, undefined);
  if (status === 'confirmed' || status === 'superseded') return 'done';
  if (status === 'unfit') return because;
  return needs === undefined ? undefined : unmetBy(device, needs);
}

function stepsOf(accepted: Accepted, fitting: number): readonly string[] {
  const { campaign, judged } = accepted;
  const { sequenceNumber } = accepted.target;
  const { waves, approvals = 0, gate, failureRateMax: tolerated, soakMs = 0, created, window } = campaign;
  const asks = approvals === 0 ? [] : [`waits for ${approvals} approvals besides the signer's`];
  const opens = waves.map((share, wave) => {
    const devices = Math.ceil((fitting * share) / 1000);
    const soak = soakMs === 0 || wave === 0 ? '' : `, not before ${date(created + wave * soakMs)}`;
    return `wave ${wave + 1}: sequence number ${sequenceNumber} to ${devices} of ${fitting} devices${soak}`;
  });
  const terms = gate === undefined ? undefined : { ...gate, tolerated };
  const test =
    terms === undefined
      ? `halts above ${tolerated / 10} % of finished devices failed`
      : `each wave opens after at least ${successesToGo(terms)} devices without a failure, ` +
        `and at least ${failuresToHalt(terms, waves.length)} failures halt it`;
  const when = window === undefined ? [] : [`each device in its own maintenance window`];
  const goal = `urgency ${judged.urgency} (${judged.because}), until ${date(deadlineOf(accepted))}`;
  return [goal, ...asks, ...opens, test, ...when, `ends at ${date(campaign.expires)}`];
}

const date = (ms: number) => new Date(ms).toISOString();
