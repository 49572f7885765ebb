/**
 * One vector, judged: all that a Recipient does with an envelope, on a device that is data. What the vector
 * leaves open of the device is answered by a device that fits.
 */

import type { Answer, Effect, Policy, Procedure, WaitEvents } from '@lapel/suit';
import { SuitError, admit, authenticate, driveSync, run, strict, virtualRecipient } from '@lapel/suit';
import type { Surroundings } from './conformance-images.ts';
import { assumed, holdings, installed, matching, standIns } from './conformance-images.ts';
import type { Vector, VectorDevice } from './conformance-index.ts';

export interface Verdict {
  readonly accepted: boolean;
  /** The stage that decided: `boot` is a run of the invocation procedure. */
  readonly stage: 'parse' | 'auth' | 'setup' | 'run' | 'boot';
  /** A report's reason, `ok` where accepted, and what was expected and found. */
  readonly reason: string;
}

/** What a Recipient may choose: each choice refused, and each accepted. */
const settings = {
  strict,
  lenient: { acceptsUntagged: true, acceptsAnyClass: true, acceptsExpiryWithoutClock: true },
} as const satisfies Record<string, Policy>;
type Setting = keyof typeof settings;

export interface Judgement {
  readonly passed: boolean;
  readonly verdicts: readonly Verdict[];
}

/**
 * What becomes of an envelope of which nothing is expected; the lenient verdict, or that on an invocation,
 * where it is another: a severed manifest boots what it can no longer install (manifest-37 §8.5).
 */
export function tell(envelope: Uint8Array, vector: Vector, around: Surroundings): readonly Verdict[] {
  const procedure = vector.stage === 'boot' ? 'invocation' : 'update';
  const verdict = verdictOn(envelope, vector, procedure, 'strict', around);
  if (verdict.accepted) return [verdict];
  const others: readonly (readonly [Procedure, Setting])[] = [
    ['invocation', 'strict'],
    [procedure, 'lenient'],
  ];
  for (const [tried, setting] of others) {
    if (tried === 'invocation' && !verdict.reason.startsWith('severing-unsupported')) continue;
    const other = verdictOn(envelope, vector, tried, setting, around);
    if (other.accepted) return [verdict, other];
  }
  return [verdict];
}

/** What becomes of a vector, and whether that was expected: the verdict and the stage. */
export function judge(envelope: Uint8Array, vector: Vector, around: Surroundings): Judgement {
  const attempt = (procedure: Procedure, setting: Setting = 'strict') =>
    verdictOn(envelope, vector, procedure, setting, around);
  switch (vector.expect) {
    case 'accept':
    case 'reject': {
      const verdict = attempt(vector.stage === 'boot' ? 'invocation' : 'update');
      const passed = vector.expect === 'accept' ? verdict.accepted : isRefusalAt(vector, verdict);
      return { passed, verdicts: [verdict] };
    }
    case 'accept-for-boot': {
      const verdicts = [attempt('invocation'), attempt('update')];
      return { passed: verdicts[0]!.accepted && !verdicts[1]!.accepted, verdicts };
    }
    case 'policy': {
      const verdicts = [attempt('update', 'strict'), attempt('update', 'lenient')];
      return { passed: isRefusalAt(vector, verdicts[0]!) && verdicts[1]!.accepted, verdicts };
    }
  }
}

const isRefusalAt = ({ stage }: Vector, verdict: Verdict) => !verdict.accepted && verdict.stage === stage;

function verdictOn(
  envelope: Uint8Array,
  vector: Vector,
  procedure: Procedure,
  setting: Setting,
  around: Surroundings,
): Verdict {
  const ran = procedure === 'invocation' ? 'boot' : 'run';
  const policy = settings[setting];
  const { device } = vector;
  const fits = around.assumesImages;
  const payloads = new Map<string, Uint8Array>();
  for (const [uri, file] of vector.payloads ?? []) payloads.set(uri, around.file(file));
  // A choice that is open says nothing of what is served: it must not fail for that.
  const servesAll = around.servesAll || (vector.expect === 'policy' && vector.payloads === undefined);
  try {
    const authentic = authenticate(envelope, around.anchors, around.limits, policy);
    const components = holdings(device, around);
    if (procedure === 'invocation') {
      for (const [name, image] of installed(authentic, device, around)) components[name] = image;
    }
    const virtual = virtualRecipient({
      ...properties(device),
      ...clock(vector, around.now),
      // What the index leaves open, the application's policy says.
      authorize: () => device.authorized ?? setting === 'lenient',
      waits: (events) => canWait(events, device),
      limits: around.limits,
      policy,
      anchors: around.anchors,
      decryptionKeys: around.decryptionKeys,
      floor: device.sequence === undefined ? undefined : { sequenceNumber: device.sequence },
      components,
      payloads,
    });
    const recipient = fits ? { ...virtual, hasComponent: () => true } : virtual;
    const stood = fits ? standIns(authentic, procedure, around) : new Map<string, string>();
    const answer = (effect: Effect): Answer => {
      const image = servesAll && effect.do === 'fetch' ? matching(effect.expected.digest, around) : undefined;
      if (image !== undefined && effect.do === 'fetch') {
        return recipient.perform({ ...effect, do: 'write', content: image });
      }
      return fits ? assumed(effect, stood, recipient) : recipient.perform(effect);
    };
    const { failure } = driveSync(run(admit(authentic, recipient), procedure), answer);
    if (failure !== undefined) throw failure.error;
    return { accepted: true, stage: ran, reason: 'ok' };
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    const stage = error.stage === 'run' ? ran : error.stage;
    return { accepted: false, stage, reason: `${error.reason}: ${error.message}` };
  }
}

/** The members of a device that a virtual Recipient has too. */
function properties({
  vendor,
  class: kind,
  device,
  slot,
  version,
  // Which device has none, its index says.
  batteryMilliwattHours = Infinity,
}: VectorDevice) {
  return {
    ...(vendor === undefined ? {} : { vendor }),
    ...(kind === undefined ? {} : { class: kind }),
    ...(device === undefined ? {} : { device }),
    ...(slot === undefined ? {} : { slot }),
    ...(version === undefined ? {} : { version }),
    batteryMilliwattHours,
  };
}

/** A choice that is open may be what a device without a clock does. */
function clock({ device: { time }, expect }: Vector, now: number): { readonly time?: number } {
  if (time === 'none' || (time === undefined && expect === 'policy')) return {};
  return { time: time ?? now };
}

/** Without a time zone and without names for other devices (update-management §4.5). */
const unsupported: ReadonlySet<string> = new Set(['timeOfDay', 'dayOfWeek', 'otherDeviceVersion']);

function canWait(events: WaitEvents, { waits }: VectorDevice): boolean {
  if (typeof waits === 'boolean') return waits;
  return Object.keys(events).every((name) => waits?.has(name.toLowerCase()) ?? !unsupported.has(name));
}
