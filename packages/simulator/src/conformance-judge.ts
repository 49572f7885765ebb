/**
 * One vector, judged: all that a Recipient does with an envelope, on a device that is data. What the vector
 * leaves open of the device is answered by a device that fits.
 */

import { hex, unhex } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import type {
  Answer,
  DecryptionKey,
  Effect,
  KnownDigest,
  Limits,
  Policy,
  Procedure,
  TrustAnchor,
  VirtualRecipient,
  WaitEvents,
} from '@lapel/suit';
import {
  SuitError,
  admit,
  assignments,
  authenticate,
  componentName,
  driveSync,
  knownDigest,
  linux,
  readEnvelope,
  run,
  strict,
  virtualRecipient,
} from '@lapel/suit';
import type { Vector, VectorDevice } from './conformance-index.ts';

export interface Verdict {
  readonly accepted: boolean;
  /** The stage that decided: `boot` is a run of the invocation procedure. */
  readonly stage: 'parse' | 'auth' | 'setup' | 'run' | 'boot';
  /** A report's reason, `ok` where accepted, and what was expected and found. */
  readonly reason: string;
}

/** What is at hand beside the envelope. */
export interface Surroundings {
  readonly anchors: readonly TrustAnchor[];
  /** Of the device, for what is encrypted. */
  readonly decryptionKeys: readonly DecryptionKey[];
  readonly limits: Limits;
  /** Seconds since 1970. */
  readonly now: number;
  /** @throws {Error} where there is no such file. */
  file(name: string): Uint8Array;
  /** Everything that could be an image. */
  files(): Iterable<Uint8Array>;
  /** Whether everything is served, wherever the manifest looks for it. */
  readonly servesAll: boolean;
  /**
   * Whether the device fits any manifest: it has every component, and an image that is not at hand is taken
   * to be what the manifest says of it.
   */
  readonly assumesImages: boolean;
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

/** What becomes of an envelope of which nothing is expected; the lenient verdict where it is another. */
export function tell(envelope: Uint8Array, vector: Vector, around: Surroundings): readonly Verdict[] {
  const procedure = vector.stage === 'boot' ? 'invocation' : 'update';
  const verdict = verdictOn(envelope, vector, procedure, 'strict', around);
  if (verdict.accepted) return [verdict];
  const lenient = verdictOn(envelope, vector, procedure, 'lenient', around);
  return lenient.accepted ? [verdict, lenient] : [verdict];
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
      for (const [name, image] of installed(authentic, around)) components[name] = image;
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

function holdings({ components = new Map() }: VectorDevice, { file }: Surroundings) {
  const found: Record<string, Uint8Array> = {};
  for (const [name, content] of components) found[name] = content === '' ? new Uint8Array() : file(content);
  return found;
}

/** A device that invokes holds what the manifest describes, as far as that is at hand. */
function* installed(
  authentic: ReturnType<typeof authenticate>,
  around: Surroundings,
): Iterable<readonly [string, Uint8Array]> {
  const identifiersInOrder = authentic.manifest.common.components ?? [];
  for (const { components, parameters } of assignments(authentic, around.limits)) {
    if (parameters.imageDigest === undefined) continue;
    const image = matching(knownDigest('setup', parameters.imageDigest), around);
    if (image === undefined) continue;
    for (const index of components) {
      const identifier = identifiersInOrder[index];
      if (identifier !== undefined) yield [componentName(identifier), image];
    }
  }
}

/** Digests, in hex, of the images that are taken to be where they are, by component. */
type StandIns = Map<string, string>;

/** A device that invokes holds the images that nobody has at hand, too. */
function standIns(
  authentic: ReturnType<typeof authenticate>,
  procedure: Procedure,
  around: Surroundings,
): StandIns {
  const stood: StandIns = new Map();
  if (procedure !== 'invocation') return stood;
  const identifiersInOrder = authentic.manifest.common.components ?? [];
  for (const { components, parameters } of assignments(authentic, around.limits)) {
    if (parameters.imageDigest === undefined) continue;
    const wanted = knownDigest('setup', parameters.imageDigest);
    if (matching(wanted, around) !== undefined) continue;
    for (const index of components) {
      stood.set(componentName(identifiersInOrder[index] ?? []), hex(wanted.bytes));
    }
  }
  return stood;
}

function assumed(effect: Effect, stood: StandIns, recipient: VirtualRecipient): Answer {
  const name = componentName(effect.component);
  const own = stood.get(name);
  // What it would decrypt, nobody has the key for here.
  if ('encryption' in effect) return void stood.set(name, hex(effect.expected.digest?.bytes ?? nothing));
  switch (effect.do) {
    case 'digest':
      return own === undefined ? recipient.perform(effect) : unhex(own);
    case 'invoke':
      return own === undefined ? recipient.perform(effect) : undefined;
    case 'fetch':
      if (effect.expected.digest === undefined) return recipient.perform(effect);
      return void stood.set(name, hex(effect.expected.digest.bytes));
    case 'copy':
    case 'swap': {
      const source = componentName(effect.source);
      const theirs = stood.get(source);
      if (theirs === undefined) return recipient.perform(effect);
      stood.set(name, theirs);
      if (effect.do === 'swap') stood.delete(source);
      if (effect.do === 'swap' && own !== undefined) stood.set(source, own);
      return undefined;
    }
    case 'write':
      stood.delete(name);
      return recipient.perform(effect);
    default:
      return recipient.perform(effect);
  }
}

const nothing = new Uint8Array();

function matching(wanted: KnownDigest | undefined, { files }: Surroundings): Uint8Array | undefined {
  if (wanted === undefined) return undefined;
  for (const content of files()) {
    if (equalInConstantTime(digest(wanted.algorithm, content), wanted.bytes)) return content;
    const manifest = manifestIn(content);
    if (manifest === undefined) continue;
    if (equalInConstantTime(digest(wanted.algorithm, manifest), wanted.bytes)) return content;
  }
  return undefined;
}

/** What names a dependency is the digest of the manifest in its envelope (trust-domains §5.2.2). */
function manifestIn(content: Uint8Array): Uint8Array | undefined {
  try {
    return readEnvelope(content, linux).manifest;
  } catch (error) {
    if (error instanceof SuitError) return undefined;
    throw error;
  }
}
