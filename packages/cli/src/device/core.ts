/**
 * Switches a device core on, which has a line and no network: a communicator at the other end asks how it is,
 * and carries what it says and fetches. It proves everything itself.
 */

import {
  createCoreService,
  heldToOperators,
  holdingTerms,
  readTrustStore,
  trackerSource,
} from '@lapel/device';
import type { OnStep, TrustStore, UpdateSource } from '@lapel/device';
import type { Running } from '@lapel/simulator';
import { live } from '@lapel/simulator';
import { createTrackerClient } from '@lapel/status-tracker/client';
import { TransportError, systemClock, systemRandom } from '@lapel/transport';
import type { Handler } from '@lapel/transport';
import type { StreamPeer } from '@lapel/transport/stream';
import { onLine, streamPeer, streamTimings } from '@lapel/transport/stream';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { FlashFile } from '../flash-file.ts';
import { openFlashFile } from '../flash-file.ts';
import { openLine } from '../line/line.ts';
import { switchedOn, teller } from '../long-running.ts';
import type { Terminal } from '../terminal.ts';
import { openCounterFile } from './counter-file.ts';
import { bootAsJson, bootText, stepText } from './step-words.ts';

export interface CorePlan {
  readonly file: string;
  /** As `openLine` takes it. */
  readonly line: string;
  /** The file of its counter. */
  readonly counter: string | undefined;
  /** Whether each step is told as a line of JSON. */
  readonly json: boolean;
}

/** What references of offers are resolved against: whatever is named, the communicator is the only way. */
const origin = 'http://communicator.invalid';
/** It sleeps between two looks, and looks only when it is told to. */
const pollMs = 1_000;

export async function runCoreFile(plan: CorePlan, terminal: Terminal): Promise<void> {
  const { file, line: text, counter, json } = plan;
  const off = switchedOn();
  const say = teller(terminal, json);
  const counted = counter === undefined ? {} : { counter: openCounterFile(counter) };
  const opened = openFlashFile(file);
  const { flash, profile, close } = opened;
  const line = openLine(text, systemClock, (state) => terminal.note(`${text}: ${state}`));
  const chunks = onLine(line);
  let peer: StreamPeer | undefined;
  // What was asked is not waited for: nobody will want the answer.
  off.signal.addEventListener('abort', () => peer?.close());
  const ask: Handler = (asked) => {
    if (peer === undefined) throw new TransportError('unreachable', 'expected an open line, found none');
    return peer.ask(asked);
  };
  const onStep: OnStep = (step, detail) =>
    say(detail === undefined ? stepText[step] : `${stepText[step]}: ${detail}`, { step, detail });
  try {
    requireTracker(opened);
    const decision = await live(
      {
        ...{ flash, profile, ...counted, clock: systemClock, random: systemRandom, pollMs, onStep },
        network: () => ask,
        behaviour: () => 'sound',
        onInterruption: async () => 'go',
        onBoot: (booted) => say(bootText(booted), { step: 'booted', ...bootAsJson(booted) }),
        connect(trust, running) {
          peer?.close();
          const service = createCoreService({ trust, decision: running, onBug });
          const common = { clock: systemClock, random: systemRandom, timing: streamTimings.line, onBug };
          peer = streamPeer({ ...common, chunks, serve: service.handler });
          return service.behind(sourceOf(trust, running, { ...opened, ask, onStep }));
        },
      },
      off.signal,
    );
    if (decision.boot === 'nothing')
      throw new CommandFailure(
        exitCodes.failed,
        `expected a device that boots, found none: ${decision.reason}`,
      );
    say('switched off', { step: 'switched-off' });
  } finally {
    peer?.close();
    line.close();
    close();
  }
}

function requireTracker({ flash, profile }: FlashFile): void {
  if (readTrustStore(flash, profile.layout.trustStore)?.trackerKey !== undefined) return;
  throw new CommandFailure(exitCodes.failed, 'expected a device that knows its tracker, found one without');
}

interface Surroundings extends FlashFile {
  readonly ask: Handler;
  readonly onStep: OnStep;
}

function sourceOf(trust: TrustStore, { journal }: Running, around: Surroundings): UpdateSource {
  const { flash, profile, ask: handler, onStep } = around;
  const { device, deviceKey: key, trackerKey, vendor, class: product } = trust;
  if (trackerKey === undefined) throw new TypeError('expected the key of a tracker, found none');
  const operators = heldToOperators({ flash, profile, journal, clock: systemClock });
  const held = operators === undefined ? {} : { terms: holdingTerms };
  const client = createTrackerClient({
    ...{ handler, clock: systemClock, random: systemRandom },
    ...{ device, key, trackerKey, vendor, class: product, ...held },
  });
  return trackerSource({ client, origin, onStep, ...(operators === undefined ? {} : { operators }) });
}

function onBug(error: unknown): never {
  throw error;
}
