/**
 * What the device says of itself to where its updates come from: what was booted and measured, what was
 * refused and why (S4-125, S4-126), and what its last restart cost.
 */

import type { DeviceState } from '@lapel/status-tracker/protocol';
import { refusedMax } from '@lapel/status-tracker/protocol';
import type { AgentOptions } from '../agent-options.ts';
import { inventory } from '../inventory.ts';
import { imageBytesMax } from '../storage/layout.ts';
import type { DeviceStatus } from '../update-source.ts';
import { once } from './patience.ts';
import { answered } from './within.ts';

const becauseMax = 128;

/** Resolves to whether a peer that proved who it is has answered. @throws {TransportError} */
export async function announce(
  agent: AgentOptions,
  signal: AbortSignal,
  state: DeviceState,
  pending?: Uint8Array,
): Promise<boolean> {
  const { profile, decision, counter, downtime, serviceLoad } = agent;
  const battery = await batteryOf(agent, signal);
  const refused = decision.refused.slice(0, refusedMax).map(({ slot, because }) => ({
    slot,
    because: clipped(because),
  }));
  const status: DeviceStatus = {
    state,
    components: inventory(decision),
    imageBytesMax: imageBytesMax(profile.layout),
    bootReason: clipped(decision.reason),
    bootVerified: decision.running.every(({ by }) => by === 'mac') ? 'mac' : 'signature',
    rollbackProtection: counter === undefined ? 'not-protected' : 'counter',
    ...(refused.length === 0 ? {} : { refused }),
    ...(downtime === undefined
      ? {}
      : { downtimeMs: Math.round(downtime.measuredMs), expectedDowntimeMs: downtime.expectedMs }),
    ...(pending === undefined ? {} : { pending }),
    ...(serviceLoad === undefined ? {} : { serviceLoad: serviceLoad() }),
    ...(battery === undefined ? {} : { batteryMilliwattHours: battery }),
  };
  return agent.source.announce(status, signal);
}

async function batteryOf({ clock, conditions }: AgentOptions, signal: AbortSignal) {
  const ask = conditions?.batteryMilliwattHours;
  const told = ask === undefined ? undefined : await answered({ clock, signal }, ask);
  return told === undefined || told < 0 ? undefined : Math.floor(told);
}

const clipped = (text: string): string => text.slice(0, becauseMax).toWellFormed();

/** Says how far things are. */
export const tell = (
  agent: AgentOptions,
  signal: AbortSignal,
  state: DeviceState,
  pending?: Uint8Array,
): Promise<void> => once(() => announce(agent, signal, state, pending));
