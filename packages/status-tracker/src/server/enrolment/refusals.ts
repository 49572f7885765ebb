/**
 * Registrations that were refused, for operators to see: a clone among them must be noticed, and a flood of
 * them must not fill the disk. So each device is told of once an hour, and of so many at most.
 */
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { FleetStore } from '../store.ts';

export interface Refusals {
  /** Writes down that a device was refused, and why. */
  tell(device: string, detail: string): Promise<void>;
  /** The same, as what is answered. @throws {Problem} always. */
  refuse(device: string, expected: string, found: string): Promise<never>;
  /** @throws {Problem} always. */
  refuseRetired(device: string): Promise<never>;
}

const hourMs = 3_600_000;
/** Devices that are told of in an hour. */
export const toldMax = 1_000;

export function createRefusals(store: Pick<FleetStore, 'appendAudit'>, clock: Clock): Refusals {
  let hour = { sinceMs: clock.monotonicMs(), told: new Set<string>() };
  /** Since the last one that was written down. */
  let untold = 0;

  async function tell(device: string, detail: string): Promise<void> {
    if (clock.monotonicMs() - hour.sinceMs >= hourMs) {
      hour = { sinceMs: clock.monotonicMs(), told: new Set() };
    }
    if (hour.told.has(device) || hour.told.size >= toldMax) {
      untold += 1;
      return;
    }
    hour.told.add(device);
    const others = untold === 0 ? '' : `; ${untold} other refusals before it were only counted`;
    untold = 0;
    const entry = {
      actor: device,
      atMs: clock.wallMs(),
      act: 'registration refused',
      subject: device,
    } as const;
    await store.appendAudit([{ ...entry, detail: `${detail}${others}`, isApart: true }]);
  }

  async function refuse(device: string, expected: string, found: string): Promise<never> {
    const detail = `expected ${expected}, found ${found}`;
    await tell(device, detail);
    throw new Problem('conflict', detail);
  }

  return {
    tell,
    refuse,
    refuseRetired: async (device) =>
      refuse(device, 'a device of the fleet', 'one that an operator has retired'),
  };
}
