/**
 * Switches a device on that a server of LwM2M manages: it registers there, takes packages from there, and
 * proves each as it proves every update.
 */

import type { Journal, TrustStore } from '@lapel/device';
import { messageNumbers, readTrustStore } from '@lapel/device';
import type { Protocol, ServedObjects } from '@lapel/device/lwm2m';
import { lwm2mClient, manageDevice, requireManageable, stayRegistered } from '@lapel/device/lwm2m';
import { live } from '@lapel/simulator';
import { uuidText } from '@lapel/suit';
import { systemClock, systemRandom } from '@lapel/transport';
import type { OscoreContext } from '@lapel/transport/coap';
import { udpClient } from '@lapel/transport/coap';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openFlashFile } from '../flash-file.ts';
import { switchedOn, teller } from '../long-running.ts';
import type { Terminal } from '../terminal.ts';
import { openCounterFile } from './counter-file.ts';
import { deviceContext, roadsTo } from './roads.ts';
import { bootAsJson, bootText, stepText } from './step-words.ts';

export interface ManagedPlan {
  readonly file: string;
  readonly server: { readonly host: string; readonly port: number; readonly origin: string };
  /** The endpoint client name; the device's own, where absent. */
  readonly endpoint: string | undefined;
  readonly lifetimeSeconds: number;
  /** The file of its counter. */
  readonly counter: string | undefined;
  /** Whether each step is told as a line of JSON. */
  readonly json: boolean;
}

/** What it fetches packages and payloads over. */
const protocols: readonly Protocol[] = ['coap', 'http', 'https', 'coap+tcp'];
/** After a package has ended in vain, before the next is begun. */
const pollMs = 1_000;
/** What is asked of it just now is answered first. */
const rebootMs = 500;
const againMs = 5_000;

export async function runManagedFile(plan: ManagedPlan, terminal: Terminal): Promise<void> {
  const { file, json, server } = plan;
  const off = switchedOn();
  const say = teller(terminal, json);
  const onBug = (error: unknown) => say(`a request failed: ${String(error)}`, { step: 'failed' });
  const counted = plan.counter === undefined ? {} : { counter: openCounterFile(plan.counter) };
  const { flash, profile, close } = openFlashFile(file);
  let journal: Journal | undefined;
  let attached: Attached | undefined;
  let power = new AbortController();
  try {
    const trust = manageable(readTrustStore(flash, profile.layout.trustStore), file);
    const context =
      trust.channel === undefined
        ? undefined
        : deviceContext(
            trust.channel,
            messageNumbers(() => journal),
          );
    const oscore = context === undefined ? {} : { oscore: { origin: server.origin, context } };
    const network = roadsTo({ tls: {}, clock: systemClock, ...oscore });
    const reboot = () => void systemClock.sleep(rebootMs).then(() => power.abort(new Error('reboot')));
    const start = () =>
      live(
        {
          ...{ flash, profile, ...counted, network, pollMs },
          ...{ clock: systemClock, random: systemRandom },
          behaviour: () => 'sound',
          connect: (_, decision) => {
            ({ journal } = decision);
            attached?.drop();
            const managed = manageDevice({
              ...{ flash, profile, trust, decision, network, protocols, reboot },
              ...{ manufacturer: uuidText(trust.vendor), modelNumber: uuidText(trust.class) },
              ...{ clock: systemClock, base: `${server.origin}/manifests/pushed`, onBug },
            });
            const endpoint = plan.endpoint ?? trust.device;
            attached = attach({ ...plan, endpoint, say, onBug }, managed.objects, context);
            return managed.source;
          },
          onBoot: (booted) => say(bootText(booted), { step: 'booted', ...bootAsJson(booted) }),
          onStep: (step, detail) =>
            say(detail === undefined ? stepText[step] : `${stepText[step]}: ${detail}`, { step, detail }),
        },
        AbortSignal.any([off.signal, power.signal]),
      );
    while (!off.signal.aborted) {
      power = new AbortController();
      const decision = await start();
      if (decision.boot === 'nothing') throw nothingBoots(decision.reason);
    }
    await attached?.leave();
    say('switched off', { step: 'switched-off' });
  } finally {
    attached?.drop();
    close();
  }
}

/** @throws {CommandFailure} */
function manageable(trust: TrustStore | undefined, file: string): TrustStore {
  if (trust === undefined)
    throw new CommandFailure(exitCodes.failed, `expected a provisioned device in ${file}, found none`);
  try {
    requireManageable(trust);
    return trust;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CommandFailure(exitCodes.failed, `${file}: ${error.message}`);
  }
}

const nothingBoots = (reason: string) => {
  const hint = '`lapel device recover` brings it a signed firmware';
  return new CommandFailure(
    exitCodes.failed,
    `expected a device that boots, found none: ${reason}\n  ${hint}`,
  );
};

/** A socket with a registration behind it. */
interface Attached {
  /** As a reset does: the server hears nothing of it. */
  drop(): void;
  /** Says that it goes. */
  leave(): Promise<void>;
}

interface Attaching extends Pick<ManagedPlan, 'server' | 'lifetimeSeconds'> {
  readonly endpoint: string;
  readonly say: (told: string, what: object) => void;
  readonly onBug: (error: unknown) => void;
}

function attach(
  { server: { host, port }, endpoint, lifetimeSeconds, say, onBug }: Attaching,
  objects: ServedObjects,
  oscore: OscoreContext | undefined,
): Attached {
  const gone = new AbortController();
  let close = async () => {};
  const common = { clock: systemClock, random: systemRandom };
  const serve = async (): Promise<void> => {
    const datagrams = await udpClient({ host, port });
    const client = lwm2mClient({
      ...{ datagrams, to: datagrams.to, objects, ...common },
      ...(oscore === undefined ? {} : { oscore }),
      onBug,
    });
    close = () => client.close();
    const onStep = (step: string, detail?: string) => {
      say(detail === undefined ? step : `${step}: ${detail}`, { step, detail });
    };
    const { links } = objects;
    await stayRegistered(
      { server: client.server, endpoint, lifetimeSeconds, links, ...common, onStep },
      gone.signal,
    );
    await client.close();
  };
  const ended = (async () => {
    while (!gone.signal.aborted) {
      try {
        await serve();
      } catch (error) {
        // A name that is not known now may be later.
        if (!(error instanceof Error && 'syscall' in error)) throw error;
        say(`not-registered: ${error.message}`, { step: 'not-registered', detail: error.message });
        await systemClock.sleep(againMs, gone.signal).catch(() => undefined);
      }
    }
  })();
  return {
    drop() {
      void close();
      gone.abort(new Error('reset'));
    },
    async leave() {
      gone.abort(new Error('switched off'));
      await ended;
    },
  };
}
