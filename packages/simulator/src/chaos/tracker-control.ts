/** The parent's hold on a tracker process: it starts it, asks it, stops its clock, and kills it. */

import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { CampaignState } from '@lapel/status-tracker';
import { systemClock } from '@lapel/transport';

/** What an operator asks for. */
export type OperatorAsk =
  | { readonly do: 'clock'; readonly offsetMs: number }
  | {
      readonly do: 'provision';
      readonly device: { readonly id: string; readonly vendor: Uint8Array; readonly class: Uint8Array };
      /** PEM. */
      readonly publicKey: string;
    }
  | { readonly do: 'start'; readonly signed: Uint8Array }
  | { readonly do: 'order'; readonly campaign: string; readonly signed: Uint8Array }
  | { readonly do: 'campaign'; readonly campaign: string }
  | { readonly do: 'retire' | 'approve'; readonly device: string }
  /** All that is held of a device, as JSON. */
  | { readonly do: 'device'; readonly device: string }
  /** Why a device does not update. */
  | { readonly do: 'explain'; readonly device: string };

export interface Ask {
  readonly number: number;
  readonly ask: OperatorAsk;
}

export type Told =
  | { readonly told: 'ready'; readonly port: number }
  | { readonly told: 'answer'; readonly number: number; readonly value: unknown }
  | { readonly told: 'refusal'; readonly number: number; readonly because: string }
  | { readonly told: 'bug'; readonly because: string };

export interface CampaignGlance {
  readonly state: CampaignState;
  readonly generation: number;
  readonly orderNumber: number;
}

/** The process is gone, or the tracker said no. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

/** That a tracker is away, or says no, is what this is about. */
export async function whetherDone(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof NotDone)) throw error;
  }
}

export interface TrackerProcess {
  readonly url: string;
  isAlive(): boolean;
  /** @throws {NotDone} */
  ask(ask: OperatorAsk): Promise<unknown>;
  /** Stops it as it stands, and lets it go on. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
}

const main = join(import.meta.dirname, 'tracker-process.ts');
const answerMsMax = 20_000;

/** Where a tracker finds its fleet, and what it is called among those that share it. */
export interface TrackerPlace {
  readonly folder: string;
  readonly name: string;
  /** Of PostgreSQL; empty where it keeps a file in its folder. */
  readonly database: string;
  readonly offsetMs: number;
}

/** @throws {NotDone} where it ends before it is ready. */
export async function startTracker(
  { folder, name, database, offsetMs }: TrackerPlace,
  onBug: (because: string) => void,
): Promise<TrackerProcess> {
  const child = fork(main, [folder, name, database, `${offsetMs}`], {
    serialization: 'advanced',
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // Why one could not begin is tried again, not told.
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
  });
  const waiting = new Map<number, (told: Told) => void>();
  const ready = Promise.withResolvers<number>();
  child.on('message', (told: Told) => {
    if (told.told === 'ready') ready.resolve(told.port);
    else if (told.told === 'bug') onBug(told.because);
    else waiting.get(told.number)?.(told);
  });
  child.once('exit', () => {
    ready.reject(new NotDone('the tracker ended before it was ready'));
    for (const settle of waiting.values()) settle({ told: 'refusal', number: 0, because: 'it was killed' });
  });
  const port = await ready.promise;
  let number = 0;
  return {
    url: `http://127.0.0.1:${port}`,
    isAlive: () => isAlive(child),
    async ask(ask) {
      if (!isAlive(child)) throw new NotDone('the tracker is gone');
      const own = ++number;
      const { promise: told, resolve } = Promise.withResolvers<Told>();
      waiting.set(own, resolve);
      child.send({ number: own, ask } satisfies Ask, () => undefined);
      const answered = await withinMs(answerMsMax, told);
      waiting.delete(own);
      if (answered?.told === 'answer') return answered.value;
      throw new NotDone(answered?.told === 'refusal' ? answered.because : 'no answer');
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      if (!isAlive(child)) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

/** Undefined where it lasts longer. */
async function withinMs<T>(ms: number, awaited: Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  const late = systemClock.sleep(ms, done.signal).catch(() => undefined);
  try {
    return await Promise.race([awaited, late.then(() => undefined)]);
  } finally {
    done.abort();
  }
}
