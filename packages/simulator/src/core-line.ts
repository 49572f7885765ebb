/**
 * A device core at one end of a narrow line, and what a communicator holds at the other. The core's end
 * starts anew with each start of the core.
 */

import type { TrustStore, UpdateSource } from '@lapel/device';
import { createCoreService } from '@lapel/device';
import type { CoreLine } from '@lapel/gateway/communicator';
import type { Clock, Handler } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import type { Chunks, PeerTiming, StreamPeer } from '@lapel/transport/stream';
import { streamPeer } from '@lapel/transport/stream';
import type { Running } from './device-life.ts';
import { onBug } from './flow-parties.ts';
import type { NarrowLine } from './narrow-line.ts';
import type { SeededRandom } from './random.ts';

export interface CoreLinePlan {
  readonly name: string;
  readonly line: NarrowLine;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly timing: PeerTiming;
  /** What becomes of an end of the line: frames, a checksum, a duty cycle. */
  readonly made?: (end: Chunks) => Chunks;
}

export interface SimulatedCoreLine {
  /** For the communicator. */
  readonly line: CoreLine;
  /** By what the core reaches the world. */
  readonly link: Handler;
  /** What the core makes of its source of updates, at each start. */
  behind(source: UpdateSource, trust: TrustStore, running: Running): UpdateSource;
}

export function coreLine(plan: CoreLinePlan): SimulatedCoreLine {
  const { name, line, made = (end) => end } = plan;
  const [far, near] = line.ends;
  let own: StreamPeer | undefined;
  return {
    line: {
      name,
      connect: (serve) => streamPeer({ ...plan, chunks: made(far), serve, onBug }),
    },
    link: async (asked) => {
      if (own === undefined) throw new TransportError('unreachable', 'the core has no line yet');
      return own.ask(asked);
    },
    behind(source, trust, decision) {
      own?.close();
      const service = createCoreService({ trust, decision, onBug });
      own = streamPeer({ ...plan, chunks: made(near), serve: service.handler, onBug });
      return service.behind(source);
    },
  };
}
