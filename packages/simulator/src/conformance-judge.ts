/**
 * One vector, judged: all that a Recipient does with an envelope, on a device that is data. What the vector
 * leaves open of the device is answered by a device that fits.
 */

import { hex } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import type { DescribedDevice, Device, Situation } from '@lapel/author/simulate';
import { readState, simulate } from '@lapel/author/simulate';
import type {
  AuthenticManifest,
  DecryptionKey,
  KnownDigest,
  Limits,
  Policy,
  Procedure,
  TrustAnchor,
} from '@lapel/suit';
import { SuitError, assignments, componentName, knownDigest, linux, readEnvelope, strict } from '@lapel/suit';
import type { Vector } from './conformance-index.ts';

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
  const payloads = new Map<string, Uint8Array>();
  for (const [uri, file] of vector.payloads ?? []) payloads.set(uri, around.file(file));
  // A choice that is open says nothing of what is served: it must not fail for that.
  const servesAll = around.servesAll || (vector.expect === 'policy' && vector.payloads === undefined);
  const { device } = vector;
  const situation: Situation = {
    device: {
      ...device,
      // What the index leaves open, the application's policy says.
      authorized: device.authorized ?? setting === 'lenient',
      // A choice that is open may be what a device without a clock does.
      time: device.time ?? (vector.expect === 'policy' ? 'none' : around.now),
    },
    state: readState(device.components ?? new Map(), around.file),
    anchors: around.anchors,
    decryptionKeys: around.decryptionKeys,
    limits: around.limits,
    policy: settings[setting],
    now: around.now,
    serve: (uri, { digest: wanted }) =>
      (servesAll ? matching(wanted, around) : undefined) ?? payloads.get(uri),
    assuming: (plain, authentic) => {
      if (procedure === 'invocation') install(plain, authentic, device, around);
      return around.assumesImages ? fitting(plain, around) : plain;
    },
  };
  const { accepted, stage: decided, reason, detail } = simulate(envelope, situation, procedure);
  const stage = decided === 'run' && procedure === 'invocation' ? 'boot' : decided;
  return { accepted, stage, reason: accepted ? reason : `${reason}: ${detail}` };
}

/**
 * A device that invokes holds what the manifest describes, where its index says nothing else: as bytes, as
 * far as that is at hand.
 */
function install(
  { components: contents, standIns }: Device,
  authentic: AuthenticManifest,
  { components: said }: DescribedDevice,
  around: Surroundings,
): void {
  const identifiersInOrder = authentic.manifest.common.components ?? [];
  for (const { components, parameters } of assignments(authentic, around.limits)) {
    if (parameters.imageDigest === undefined) continue;
    const wanted = knownDigest('setup', parameters.imageDigest);
    const image = matching(wanted, around);
    for (const index of components) {
      const identifier = identifiersInOrder[index];
      if (identifier === undefined) continue;
      const name = componentName(identifier);
      if ((said?.get(name)?.holds.is ?? 'unsaid') !== 'unsaid') continue;
      if (image !== undefined) contents.set(name, image);
      else if (around.assumesImages) standIns.set(name, { digest: hex(wanted.bytes) });
    }
  }
}

/** A device that has every component, and whatever image it is to fetch or to decrypt. */
function fitting(plain: Device, around: Surroundings): Device {
  const { standIns } = plain;
  return {
    ...plain,
    recipient: { ...plain.recipient, hasComponent: () => true },
    perform(effect) {
      const wanted = 'expected' in effect ? effect.expected.digest : undefined;
      const isMissing =
        effect.do === 'fetch' && wanted !== undefined && matching(wanted, around) === undefined;
      // What it would decrypt, nobody has the key for here.
      if (!isMissing && !('encryption' in effect)) return plain.perform(effect);
      standIns.set(componentName(effect.component), { digest: hex(wanted?.bytes ?? nothing) });
      return undefined;
    },
  };
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
