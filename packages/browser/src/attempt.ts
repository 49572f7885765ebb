/**
 * One envelope looked at and tried on a described device, from what a person has at hand: files and texts.
 * What `lapel inspect` and `lapel simulate` do with paths, without paths.
 */

import { compareBytes, hex } from '@lapel/cbor';
import type { Part } from '@lapel/author';
import { inspectEnvelope, outlineEnvelope } from '@lapel/author';
import type {
  ComponentInWords,
  DescribedDevice,
  Device,
  Situation,
  StepInWords,
} from '@lapel/author/simulate';
import {
  MemberError,
  componentsInWords,
  members,
  readDevice,
  readState,
  readTrustAnchor,
  simulate,
  stepsInWords,
  textOf,
  traceOf,
  usualComponents,
} from '@lapel/author/simulate';
import { CoseError, digest } from '@lapel/cose';
import type { ExpectedImage, Policy, Procedure, ReportReason, Stage, TrustAnchor } from '@lapel/suit';
import { SuitError, componentName, linux, server } from '@lapel/suit';

export interface Attempt {
  readonly envelope: Uint8Array;
  /** Texts of what the device trusts: PEM, the base64 of a private key, or a secret in hex. */
  readonly trust: readonly string[];
  /** A device in JSON; where it is empty, a device that the manifest is made for. */
  readonly device: string;
  /** What is served, and what components hold: by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly procedure: Procedure;
  /** Whether a payload that nobody has at hand is taken for the right one. */
  readonly assumesPayloads: boolean;
  readonly policy?: Policy;
  /** Seconds since 1970. */
  readonly now: number;
}

export interface Outcome {
  readonly verdict: 'accept' | 'reject';
  readonly stage: Stage;
  readonly reason: ReportReason;
  readonly detail: string;
  /** Digest in hex, and sequence number, of what is authentic. */
  readonly manifest?: string;
  readonly sequence?: number;
  readonly steps: readonly StepInWords[];
  readonly components: readonly ComponentInWords[];
  /** URIs of payloads that nobody had at hand. */
  readonly assumed: readonly string[];
  readonly inspection: Part;
}

/** What was given can't be used, before any envelope is judged. */
export class GivenError extends Error {
  override readonly name = 'GivenError';
  readonly what: 'envelope' | 'trust' | 'device';

  constructor(what: GivenError['what'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.what = what;
  }
}

/** @throws {GivenError} */
export function tryEnvelope(attempt: Attempt): Outcome {
  const { envelope, procedure } = attempt;
  if (envelope.length > server.envelopeBytes) {
    const message = `expected an envelope of at most ${server.envelopeBytes} bytes, found ${envelope.length}`;
    throw new GivenError('envelope', message);
  }
  const assumed = new Set<string>();
  const situation = situationOf(attempt, assumed);
  const whole = simulate(envelope, situation, procedure);
  const { accepted, stage, reason, detail, authentic } = whole;
  return {
    verdict: accepted ? 'accept' : 'reject',
    stage,
    reason,
    detail,
    ...(authentic === undefined
      ? {}
      : { manifest: hex(authentic.digest.bytes), sequence: authentic.manifest.sequenceNumber }),
    steps: stepsInWords(whole, traceOf(whole, situation, procedure)),
    components: componentsInWords(whole),
    assumed: [...assumed],
    inspection: inspectEnvelope(envelope),
  };
}

function situationOf(attempt: Attempt, assumed: Set<string>): Situation {
  const { envelope, trust, device: text, files, assumesPayloads, policy, now } = attempt;
  const { device, payloads } =
    text.trim() === '' ? { device: fittingDevice(envelope), payloads: undefined } : describedDevice(text);
  const components = device.components ?? usualComponents;
  const serve: Situation['serve'] = (uri, expected) => {
    if (payloads === undefined) return files.get(lastPart(uri)) ?? matching(files, expected);
    const name = payloads.get(uri);
    return name === undefined ? undefined : fileNamed(files, name);
  };
  return {
    device,
    state: readState(components, (name) => fileNamed(files, name)),
    anchors: trust.map(anchorIn),
    // §6.2: a manifest has at most as many components as the device.
    limits: { ...linux, components: Math.min(linux.components, components.size) },
    ...(policy === undefined ? {} : { policy }),
    now,
    serve,
    ...(assumesPayloads ? { assuming: (plain) => assuming(plain, serve, assumed) } : {}),
  };
}

/** By its vendor, class and components, as the manifest has them; what is wrong with it, its verdict says. */
function fittingDevice(envelope: Uint8Array): DescribedDevice {
  try {
    const { summary } = outlineEnvelope(envelope);
    const [vendor] = summary.vendorIdentifiers;
    const [kind] = summary.classIdentifiers;
    const names = summary.components.map((each) => componentName(each));
    return {
      ...(vendor === undefined ? {} : { vendor }),
      ...(kind === undefined ? {} : { class: kind }),
      components: new Map(names.map((name) => [name, { holds: { is: 'empty' } }])),
    };
  } catch (error) {
    if (error instanceof SuitError) return {};
    throw error;
  }
}

interface Described {
  readonly device: DescribedDevice;
  /** File names by URI; where there are any, nothing else is served. */
  readonly payloads: ReadonlyMap<string, string> | undefined;
}

/** A device, or an object that has one as its `device` and what it is served as its `payloads`. */
function describedDevice(text: string): Described {
  try {
    const whole = members(JSON.parse(text), 'it');
    const inner = whole.get('device');
    const isAround = typeof inner === 'object' && inner !== null;
    const served = isAround ? whole.get('payloads') : undefined;
    return {
      device: readDevice(isAround ? inner : Object.fromEntries(whole), 'device'),
      payloads:
        served === undefined
          ? undefined
          : new Map([...members(served, 'payloads')].map(([uri, name]) => [uri, textOf(name, uri)])),
    };
  } catch (error) {
    if (error instanceof MemberError) throw new GivenError('device', error.message, { cause: error });
    if (!(error instanceof SyntaxError)) throw error;
    const message = `expected JSON, found a mistake in it: ${error.message}`;
    throw new GivenError('device', message, { cause: error });
  }
}

function anchorIn(text: string): TrustAnchor {
  try {
    return readTrustAnchor(text);
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new GivenError('trust', error.message, { cause: error });
  }
}

function fileNamed(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const found = files.get(name);
  if (found === undefined)
    throw new GivenError('device', `expected the file ${name}, found none by that name`);
  return found;
}

const lastPart = (uri: string): string => uri.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';

function matching(
  files: ReadonlyMap<string, Uint8Array>,
  { digest: wanted, sizeBytes }: ExpectedImage,
): Uint8Array | undefined {
  if (wanted === undefined) return undefined;
  return [...files.values()].find(
    (content) =>
      (sizeBytes === undefined || sizeBytes === content.length) &&
      compareBytes(digest(wanted.algorithm, content), wanted.bytes) === 0,
  );
}

/** Where nothing is served but the manifest says what it is, an image that nobody has stands for it. */
function assuming(plain: Device, serve: Situation['serve'], assumed: Set<string>): Device {
  return {
    ...plain,
    perform(effect) {
      if (effect.do !== 'fetch' || effect.arguments !== undefined) return plain.perform(effect);
      const { digest: wanted, sizeBytes } = effect.expected;
      if (wanted === undefined || serve(effect.uri, effect.expected) !== undefined)
        return plain.perform(effect);
      assumed.add(effect.uri);
      plain.standIns.set(componentName(effect.component), {
        digest: hex(wanted.bytes),
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
      });
      return undefined;
    },
  };
}
