/** What the device says of itself to where its updates come from. */

import type { DeviceState } from '@lapel/status-tracker/protocol';
import type { AgentOptions } from '../agent-options.ts';
import { inventory } from '../inventory.ts';
import { imageBytesMax } from '../storage/layout.ts';
import { once } from './patience.ts';

const bootReasonMax = 128;

/** Resolves to whether a peer that proved who it is has answered. @throws {TransportError} */
export function announce(
  { profile, decision, source }: AgentOptions,
  signal: AbortSignal,
  state: DeviceState,
  pending?: Uint8Array,
): Promise<boolean> {
  return source.announce(
    {
      state,
      components: inventory(decision),
      imageBytesMax: imageBytesMax(profile.layout),
      bootReason: decision.reason.slice(0, bootReasonMax).toWellFormed(),
      ...(pending === undefined ? {} : { pending }),
    },
    signal,
  );
}

/** Says how far things are. */
export const tell = (
  agent: AgentOptions,
  signal: AbortSignal,
  state: DeviceState,
  pending?: Uint8Array,
): Promise<void> => once(() => announce(agent, signal, state, pending));
