/** Switches a device on and tells what it does, a line each; a signal is the power switch. */

import type { Journal, Network, OnStep, Step, TrustStore, UpdateSource } from '@lapel/device';
import {
  heldToOperators,
  holdingTerms,
  messageNumbers,
  nearest,
  readTrustStore,
  serverSource,
  trackerSource,
} from '@lapel/device';
import type { Running } from '@lapel/simulator';
import { live } from '@lapel/simulator';
import type { TrackerClientOptions } from '@lapel/status-tracker/client';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Handler, HttpClientOptions } from '@lapel/transport';
import { systemClock, systemRandom } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { FlashFile } from '../flash-file.ts';
import { openFlashFile } from '../flash-file.ts';
import { switchedOn, teller } from '../long-running.ts';
import type { Terminal } from '../terminal.ts';
import { openCounterFile } from './counter-file.ts';
import type { Places } from './find-caches.ts';
import { placesFor } from './find-caches.ts';
import { deviceContext, isPushed, roadsTo } from './roads.ts';
import { bootAsJson, bootText, stepText } from './step-words.ts';

export interface RunPlan {
  readonly file: string;
  /** Of the servers; whatever is found, where it is absent. */
  readonly origin: string | undefined;
  /** What is asked before the origin. */
  readonly caches: readonly string[];
  /** Whether it looks for more of them. */
  readonly discovers: boolean;
  readonly pollMs: number;
  /** Over CoAP: how often it observes anew. */
  readonly renewMs: number;
  /** Over CoAP in datagrams: whether blocks go in sets (RFC 9177). */
  readonly quick: boolean;
  /** The file of its counter. */
  readonly counter: string | undefined;
  /** What lets it in at its first registration: an enrolment token, or its manufacturer's word. */
  readonly enrolment: Pick<TrackerClientOptions, 'enrolmentToken' | 'certificates'>;
  /** How servers are proved, and the device to them. */
  readonly tls: Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>;
  /** Whether each step is told as a line of JSON. */
  readonly json: boolean;
}

const envelopeBytesMax = 64 * 1024;

export async function runDeviceFile(plan: RunPlan, terminal: Terminal): Promise<void> {
  const { file, pollMs } = plan;
  const counter = plan.counter === undefined ? {} : { counter: openCounterFile(plan.counter) };
  const { flash, profile, close } = openFlashFile(file);
  const off = switchedOn();
  let journal: Journal | undefined;
  const channel = readTrustStore(flash, profile.layout.trustStore)?.channel;
  const numbers = messageNumbers(() => journal);
  // The secret is for the server that was named, not for one that is found.
  const oscore =
    channel === undefined || plan.origin === undefined
      ? {}
      : { oscore: { origin: plan.origin, context: deviceContext(channel, numbers) } };
  const { tls, renewMs, quick } = plan;
  const roads = roadsTo({ tls, clock: systemClock, renewMs, quick, ...oscore });
  const say = teller(terminal, plan.json);
  try {
    const { origin, caches } = await placesOf(plan, roads, terminal, off.signal);
    const network = nearest({ network: roads, caches, clock: systemClock, limits: profile.limits });
    const decision = await live(
      {
        flash,
        profile,
        ...counter,
        network,
        clock: systemClock,
        random: systemRandom,
        pollMs,
        behaviour: () => 'sound',
        onInterruption: async () => 'go',
        connect: (trust, running) => {
          ({ journal } = running);
          return connection(trust, running, {
            ...{ flash, profile, network, origin, enrolment: plan.enrolment },
            onStep: (step, detail) => say(told(step, detail), { step, detail }),
          });
        },
        onBoot: (booted) => say(bootText(booted), { step: 'booted', ...bootAsJson(booted) }),
        onStep: (step, detail) => say(told(step, detail), { step, detail }),
      },
      off.signal,
    );
    if (decision.boot === 'nothing') {
      const message = `expected a device that boots, found none: ${decision.reason}\n  ${hint}`;
      throw new CommandFailure(exitCodes.failed, message);
    }
    say('switched off', { step: 'switched-off' });
  } finally {
    close();
  }
}

/** @throws {CommandFailure} where there is no server */
async function placesOf(
  { origin, caches: told, discovers }: RunPlan,
  network: Network,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Places> {
  const onError = (error: unknown) => terminal.note(`looking for caches: ${String(error)}`);
  const options = { network, clock: systemClock, random: systemRandom, onError };
  const places = await placesFor({ origin, told, discovers }, options, signal);
  if (places === undefined) {
    throw new CommandFailure(exitCodes.network, 'expected a server or a gateway in this network, found none');
  }
  if (discovers) {
    const found = places.caches();
    terminal.note(`server ${places.origin}; caches: ${found.length === 0 ? 'none' : found.join(', ')}`);
  }
  return places;
}

interface Surroundings extends Pick<FlashFile, 'flash' | 'profile'>, Pick<RunPlan, 'enrolment'> {
  readonly origin: string;
  readonly network: (asked: string) => Handler | undefined;
  readonly onStep: OnStep;
}

function connection(
  trust: TrustStore,
  { manifest, journal }: Running,
  { flash, profile, origin, network, enrolment, onStep }: Surroundings,
): UpdateSource {
  const handler = network(origin);
  if (handler === undefined) throw new TypeError(`expected an origin of HTTP or CoAP, found ${origin}`);
  const { vendor, class: device, deviceKey: key, trackerKey } = trust;
  if (trackerKey === undefined) {
    const running = manifest.digest.bytes;
    return serverSource({ handler, origin, vendor, class: device, running, envelopeBytesMax });
  }
  const operators = heldToOperators({ flash, profile, journal, clock: systemClock });
  const client = createTrackerClient({
    handler,
    device: trust.device,
    key,
    trackerKey,
    vendor,
    class: device,
    clock: systemClock,
    random: systemRandom,
    isProvenByChannel: trust.channel !== undefined && isPushed(origin),
    ...enrolment,
    ...(operators === undefined
      ? {}
      : { terms: { ...holdingTerms, transports: [isPushed(origin) ? 'coap' : 'http'] } }),
  });
  return trackerSource({
    client,
    origin,
    onStep,
    ...(operators === undefined ? {} : { operators }),
    ...(isPushed(origin) ? { waitMs: observedMs } : {}),
  });
}

/** The longer, the less often is there a moment in which it does not listen. */
const observedMs = 10 * 60_000;

const hint = '`lapel device recover` brings it a signed firmware';

function told(step: Step, detail: string | undefined): string {
  if (detail === undefined) return stepText[step];
  return step === 'restarting' ? `restarting ${detail}` : `${stepText[step]}: ${detail}`;
}
