/** Switches a device on and tells what it does, a line each; a signal is the power switch. */

import type { BootDecision, Step, TrustStore, UpdateSource } from '@lapel/device';
import { serverSource, trackerSource } from '@lapel/device';
import type { Running } from '@lapel/simulator';
import { live } from '@lapel/simulator';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Handler } from '@lapel/transport';
import { httpClient, systemClock, systemRandom } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openFlashFile } from '../flash-file.ts';
import type { Terminal } from '../terminal.ts';

export interface RunPlan {
  readonly file: string;
  /** Of the servers. */
  readonly origin: string;
  readonly pollMs: number;
}

const envelopeBytesMax = 64 * 1024;

export async function runDeviceFile({ file, origin, pollMs }: RunPlan, terminal: Terminal): Promise<void> {
  const { flash, profile, close } = openFlashFile(file);
  const off = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => off.abort(new Error('switched off')));
  }
  // Every origin over plain HTTP(S): the manifest is what is trusted, not the server.
  const clients = new Map<string, Handler>();
  const network = (asked: string): Handler | undefined => {
    if (!/^https?:/.test(asked)) return undefined;
    const known = clients.get(asked) ?? httpClient(asked);
    clients.set(asked, known);
    return known;
  };
  const say = (text: string) => terminal.result(`${new Date().toISOString()}  ${text}`);
  try {
    const decision = await live(
      {
        flash,
        profile,
        network,
        clock: systemClock,
        random: systemRandom,
        pollMs,
        behaviour: () => 'sound',
        connect: (trust, running) => connection(trust, running, origin, network),
        onBoot: (booted) => say(bootText(booted)),
        onStep: (step, detail) => say(`${stepText[step]}${detail === undefined ? '' : `: ${detail}`}`),
      },
      off.signal,
    );
    if (decision.boot === 'nothing') throw new CommandFailure(exitCodes.failed, decision.reason);
    say('switched off');
  } finally {
    close();
  }
}

function connection(
  trust: TrustStore,
  { manifest }: Running,
  origin: string,
  network: (asked: string) => Handler | undefined,
): UpdateSource {
  const handler = network(origin) ?? httpClient(origin);
  const { vendor, class: device, deviceKey: key, trackerKey } = trust;
  if (trackerKey === undefined) {
    const running = manifest.digest.bytes;
    return serverSource({ handler, origin, vendor, class: device, running, envelopeBytesMax });
  }
  const client = createTrackerClient({
    handler,
    device: trust.device,
    key,
    trackerKey,
    vendor,
    class: device,
    clock: systemClock,
    random: systemRandom,
  });
  return trackerSource({ client, origin });
}

const bootText = (decision: BootDecision): string =>
  decision.boot === 'nothing'
    ? `nothing boots: ${decision.reason}`
    : `booted sequence number ${decision.manifest.manifest.sequenceNumber}: ${decision.reason}`;

const stepText: Readonly<Record<Step, string>> = {
  'manifest-validated': 'manifest: authentic, and for this device',
  fetching: 'fetching the image',
  'image-verified': 'image: the one that the manifest names',
  staged: 'installed beside the running firmware',
  'interruption-announced': 'the application is told how long it will be away',
  restarting: 'restarting into the new firmware, on trial',
  'service-resumed': 'the application is back',
  confirmed: 'confirmed: the new firmware has proved itself',
  reverted: 'reverting: the new firmware has not proved itself',
  reported: 'reported to the tracker, signed',
  failed: 'update refused',
  postponed: 'update put off',
};
