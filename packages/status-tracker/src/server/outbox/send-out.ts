/**
 * Sends what waits in the outbox: to each receiver in order, one delivery after the other, again until it is
 * taken. Of several processes one sends to a receiver at a time; a delivery may come twice, under one id.
 */
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { FleetStore } from '../store.ts';
import type { Delivery } from './outbox-store.ts';

export interface Receiver {
  /** In the store, and nowhere else. */
  readonly name: string;
  /** To an operator: without what only its owner may know. */
  readonly shown: string;
  /** @returns what kept the message from being taken. */
  post(message: Message, signal: AbortSignal): Promise<string | undefined>;
}

export interface Message {
  /** The same, however often it is sent; no other message has it. */
  readonly id: string;
  readonly body: string;
}

export interface SendOutOptions {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly receivers: readonly Receiver[];
  /** Of this process among those that share the store. */
  readonly holder: string;
  readonly tenant: string;
  readonly onNotice: (text: string) => void;
  readonly onBug: (error: unknown) => void;
  /** Changes that wait for a receiver at most. */
  readonly waitingMax?: number;
}

/** Some 20 MB in the store: what ten thousand devices tell in an update each, while nobody listens. */
const waitingMaxDefault = 100_000;
/** Between two looks at an outbox that was empty. */
const idleMs = 500;
/** Between two looks at how much waits; until then there may be more. */
const keepMs = 10_000;
/** Longer than a message takes; a process that was killed is replaced after it. */
const leaseMs = 15_000;
const firstPauseMs = 1_000;
const pauseMsMax = 5 * 60_000;

/** Resolves when what changes is kept for the receivers. @returns what ends when the signal comes. */
export async function sendOut(
  options: SendOutOptions,
  signal: AbortSignal,
): Promise<{ ended: Promise<void> }> {
  await keep(options);
  const works = [
    steadily(options, signal, async () => {
      await keep(options);
      return keepMs;
    }),
    ...options.receivers.map(async (receiver) =>
      steadily(options, signal, sender(options, receiver, signal)),
    ),
  ];
  return { ended: Promise.all(works).then(() => undefined) };
}

/** Until the signal: what the store can't do now is done later. @param work returns how long it rests. */
async function steadily(
  { clock, onBug }: SendOutOptions,
  signal: AbortSignal,
  work: () => Promise<number>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(await work(), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) onBug(error);
      await clock.sleep(firstPauseMs);
    }
  }
}

async function keep(options: SendOutOptions): Promise<void> {
  const { store, clock, receivers, waitingMax = waitingMaxDefault } = options;
  await store.keepReceivers(
    receivers.map(({ name }) => name),
    clock.wallMs(),
  );
  for (const { receiver, dropped } of await store.trimOutbox(waitingMax)) {
    const shown = receivers.find(({ name }) => name === receiver)?.shown ?? 'of another server';
    const why = `more than ${waitingMax} waited`;
    options.onNotice(`webhook ${shown}: the ${dropped} oldest changes are dropped untold, for ${why}`);
  }
}

function sender(options: SendOutOptions, receiver: Receiver, signal: AbortSignal) {
  const { store, clock, random, holder, tenant, onNotice } = options;
  let failures = 0;
  let obstacle: string | undefined;
  return async (): Promise<number> => {
    if (!(await store.isWaiting(receiver.name))) return idleMs;
    const lease = { name: `webhook ${receiver.name}`, holder, nowMs: clock.wallMs(), forMs: leaseMs };
    if (!(await store.lease(lease))) return idleMs;
    const delivery = await store.nextDelivery(receiver.name);
    if (delivery === undefined) return idleMs;
    const found = await receiver.post(messageOf(tenant, delivery), signal);
    signal.throwIfAborted();
    if (found === undefined) {
      await store.delivered(receiver.name, delivery.number);
      if (obstacle !== undefined) onNotice(`webhook ${receiver.shown}: it takes what changes again`);
      [failures, obstacle] = [0, undefined];
      return 0;
    }
    if (found !== obstacle) {
      onNotice(
        `webhook ${receiver.shown}: expected it to take what changed, found ${found}; it is tried again`,
      );
    }
    [failures, obstacle] = [failures + 1, found];
    return pauseMs(failures, random);
  };
}

/** Twice as long with each failure, and never quite: receivers that come back are not met by all at once. */
function pauseMs(failures: number, random: Random): number {
  const longestMs = Math.min(firstPauseMs * 2 ** (failures - 1), pauseMsMax);
  return longestMs * (0.5 + random.fraction() / 2);
}

/**
 * As Standard Webhooks would have bodies: `type`, `timestamp`, `data`. All of it is of the changes, so that
 * it is the same whenever it is sent. A store that was restored counts from before: the digest tells apart.
 */
function messageOf(tenant: string, { number, changes }: Delivery): Message {
  const timestamp = new Date(changes.at(-1)?.atMs ?? 0).toISOString();
  const body = JSON.stringify({ type: 'fleet.changed', timestamp, data: { tenant, changes } });
  const mark = hex(digest('sha-256', new TextEncoder().encode(body))).slice(0, 16);
  return { id: `msg_${number}_${mark}`, body };
}
