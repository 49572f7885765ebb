/**
 * Directive-wait (draft-ietf-suit-update-management-14 §4.5, §5.6): until all of its events have come, looked
 * at again and again, so that a changed clock or time zone counts. A wait ends with the agent's signal and
 * survives no restart: the update that is offered again then waits anew.
 */

import type { WaitEvents } from '@lapel/suit';
import { SuitError, isVersionMatch } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import type { Conditions } from '../conditions.ts';
import { answered } from './within.ts';

/** Between two looks. Waking costs energy, and no event is as exact as that. */
const lookMs = 5 * 60_000;
/** A week, for a day of the week, and a day more. */
const waitMsMax = 8 * 24 * 3_600_000;
/**
 * For so long a time of day counts as having come: an update that was interrupted right behind it does not
 * wait another day. So a local time that is skipped comes at the first one behind it, and one that is
 * repeated the first time (§4.5).
 */
const windowSeconds = 2 * 3600;

const [daySeconds, weekDays] = [86_400, 7];
/** 1970-01-01 was a Thursday. */
const firstDay = 4;

export interface Waiting {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onLater: () => void;
}

/** Whether it has come; a name for those that it waits for. */
interface Event {
  readonly name: string;
  readonly hasCome: () => Promise<boolean>;
}

/** False where one of them is not supported. @throws {SuitError} where they do not come. */
export async function waitFor(waiting: Waiting, wanted: WaitEvents): Promise<boolean> {
  const { clock, signal, conditions, onLater } = waiting;
  const events = eventsOf(waiting, wanted);
  if (events === undefined) return false;
  const most = conditions.waitMsMax ?? waitMsMax;
  const deadline = clock.monotonicMs() + most;
  for (;;) {
    signal.throwIfAborted();
    const missing = await firstMissing(waiting, events);
    if (missing === undefined) return true;
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0) {
      onLater();
      throw operationFailed(`expected ${missing.name} within ${most} ms, found it not to come`);
    }
    await clock.sleep(Math.min(lookMs, leftMs), signal);
  }
}

async function firstMissing(waiting: Waiting, events: readonly Event[]): Promise<Event | undefined> {
  for (const event of events) if ((await answered(waiting, event.hasCome)) !== true) return event;
  return undefined;
}

function eventsOf(waiting: Waiting, wanted: WaitEvents): readonly Event[] | undefined {
  const parts = [timeEvents(waiting, wanted), hookedEvents(waiting.conditions, wanted)];
  const events = parts.flatMap((part) => part ?? []);
  return parts.includes(undefined) ? undefined : events;
}

/** What the wall clock tells, where it is trusted; local time, where a time zone is known. */
function timeEvents({ clock, conditions }: Waiting, wanted: WaitEvents): readonly Event[] | undefined {
  const { time, timeOfDay, dayOfWeek, timeOfDayUtc, dayOfWeekUtc } = wanted;
  const isLocal = timeOfDay !== undefined || dayOfWeek !== undefined;
  const isUtc = timeOfDayUtc !== undefined || dayOfWeekUtc !== undefined;
  if (time === undefined && !isLocal && !isUtc) return [];
  const { localOffsetMs = () => 0 } = conditions;
  if (!clock.wallIsTrusted || (isLocal && conditions.localOffsetMs === undefined)) return undefined;
  const moments = [timeOfDay, timeOfDayUtc].some((moment = 0) => moment >= daySeconds);
  const days = [dayOfWeek, dayOfWeekUtc].some((day = 0) => day >= weekDays);
  if (moments || days) return undefined;
  const utc = (): number => Math.floor(clock.wallMs() / 1000);
  const local = (): number => Math.floor((clock.wallMs() + localOffsetMs(clock.wallMs())) / 1000);
  return [
    ...(time === undefined ? [] : [{ name: 'a time', hasCome: async () => utc() >= time }]),
    ...(isUtc
      ? [{ name: 'a time of day or week', hasCome: async () => isThen(utc(), timeOfDayUtc, dayOfWeekUtc) }]
      : []),
    ...(isLocal
      ? [{ name: 'a local time of day or week', hasCome: async () => isThen(local(), timeOfDay, dayOfWeek) }]
      : []),
  ];
}

/** A time of day with a day of the week is that time on that day, and its window may reach into the next. */
function isThen(seconds: number, timeOfDay: number | undefined, dayOfWeek: number | undefined): boolean {
  const since = timeOfDay === undefined ? 0 : modulo(seconds - timeOfDay, daySeconds);
  const day = modulo(Math.floor((seconds - since) / daySeconds) + firstDay, weekDays);
  return since < windowSeconds && (dayOfWeek === undefined || dayOfWeek === day);
}

/** Never negative. */
const modulo = (a: number, b: number): number => ((a % b) + b) % b;

/** What the application tells, where it does. */
function hookedEvents(conditions: Conditions, wanted: WaitEvents): readonly Event[] | undefined {
  const { authorize, isPower, isNetwork, otherDeviceVersion } = conditions;
  const { authorization, power, network, otherDeviceVersion: other } = wanted;
  const events: Event[] = [];
  if (power !== undefined) {
    if (isPower === undefined) return undefined;
    events.push({ name: `power state ${power}`, hasCome: () => isPower(power) });
  }
  if (network !== undefined) {
    if (isNetwork === undefined) return undefined;
    events.push({ name: `network state ${network}`, hasCome: () => isNetwork(network) });
  }
  if (other !== undefined) {
    if (otherDeviceVersion === undefined) return undefined;
    const [device, matches] = other;
    const hasCome = async (): Promise<boolean> => {
      const found = await otherDeviceVersion(device);
      return found !== undefined && matches.every((match) => isVersionMatch(match, found));
    };
    events.push({ name: 'the version of another device', hasCome });
  }
  // Last, so that whoever is asked is asked for an update that could be done at once.
  if (authorization !== undefined) {
    if (authorize === undefined) return undefined;
    events.push({
      name: 'authorization',
      hasCome: async () => isGranted(await authorize(authorization), authorization),
    });
  }
  return events;
}

function isGranted(answer: 'yes' | 'no' | 'later', priority: number): boolean {
  if (answer !== 'no') return answer === 'yes';
  const found = `expected the application to authorize an update of priority ${priority}, found it refused`;
  throw operationFailed(found);
}

const operationFailed = (found: string) => new SuitError('run', 'operation-failed', found);
