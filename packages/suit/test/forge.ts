/** Builds and signs envelopes from commands, right ones and wrong ones, with real keys. */

import { write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, generateSigningKey, signDetached } from '@lapel/cose';
import type {
  Command,
  ComponentIdentifier,
  ComponentIndex,
  Ending,
  Envelope,
  Procedure,
  SectionName,
  SeverableName,
  TrustAnchor,
  VirtualRecipient,
  VirtualRecipientOptions,
} from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  SuitError,
  Text,
  admit,
  authenticate,
  classIdentifier,
  digestOf,
  driveSync,
  linux,
  run,
  severableNames,
  vendorIdentifier,
  virtualRecipient,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';

export const author: SigningKey = generateSigningKey('P-256');
export const anchors: readonly TrustAnchor[] = [{ key: author.public }];

export const vendor = vendorIdentifier('lapel.example');
export const lamp = classIdentifier(vendor, 'lamp');

type PolicyCommand = Extract<Command, { readonly policy: number }>;

/** What commands are made of, by their names in the draft. */
export const set = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});
export const setUnset = (parameters: Parameters): Command => ({
  name: 'directive-set-parameters',
  parameters: write(Parameters, parameters),
});
export const at = (index: ComponentIndex): Command => ({ name: 'directive-set-component-index', index });
export const perform = (name: PolicyCommand['name'], policy = 0): Command => ({ name, policy });
export const tryEach = (...sequences: readonly (readonly Command[] | null)[]): Command => ({
  name: 'directive-try-each',
  sequences: sequences.map((each) => (each === null ? null : writeSequence(each))),
});
export const runSequence = (...commands: readonly Command[]): Command => ({
  name: 'directive-run-sequence',
  sequence: writeSequence(commands),
});
export const fail = perform('condition-abort');
export const match = perform('condition-image-match');
export const fetch = perform('directive-fetch');
export const copy = perform('directive-copy');

/** The parameters that name an image. */
export const imageOf = (content: Uint8Array): Parameters => ({
  imageDigest: digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', content) }),
  imageSize: content.length,
});

/** §7.1: the compatibility check, as every honest manifest begins. */
export const compatible: readonly Command[] = [
  set({ vendorIdentifier: vendor, classIdentifier: lamp }),
  perform('condition-vendor-identifier'),
  perform('condition-class-identifier'),
];

export interface Forgery {
  readonly sequenceNumber?: number;
  readonly components?: readonly ComponentIdentifier[];
  readonly dependencies?: Manifest['common']['dependencies'];
  readonly componentIdentifier?: ComponentIdentifier;
  readonly shared?: readonly Command[];
  readonly sections?: Partial<Record<Exclude<SectionName, 'sharedSequence'>, readonly Command[]>>;
  readonly text?: Text;
  readonly coswid?: Uint8Array;
  /** Elements that are moved to the envelope, and those that are cut off there. */
  readonly severable?: readonly SeverableName[];
  readonly severed?: readonly SeverableName[];
  readonly payloads?: ReadonlyMap<string, Uint8Array>;
  readonly key?: SigningKey;
}

export const component = (...parts: readonly number[]): ComponentIdentifier =>
  parts.map((part) => Uint8Array.of(part));

export function forge(forgery: Forgery): Uint8Array {
  const { manifest, severed } = manifestOf(forgery);
  return seal(write(Manifest, manifest), { ...forgery, elements: severed });
}

/** Signs any bytes as a manifest. */
export function seal(
  content: Uint8Array,
  {
    key = author,
    payloads = new Map(),
    elements = {},
  }: Pick<Forgery, 'key' | 'payloads'> & {
    readonly elements?: Envelope['severed'];
  } = {},
): Uint8Array {
  const manifest = wrap(content);
  const named = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  return writeEnvelope({
    digest: named,
    blocks: [signDetached(key, named)],
    manifest,
    severed: elements,
    payloads,
  });
}

export function manifestOf({
  sequenceNumber = 1,
  components = [component(0)],
  dependencies,
  componentIdentifier,
  shared = components.length > 1 ? [at(true), ...compatible] : compatible,
  sections = {},
  text,
  coswid,
  severable = [],
  severed = [],
}: Forgery): { readonly manifest: Manifest; readonly severed: Envelope['severed'] } {
  const inside: Record<string, Uint8Array | Digest> = {};
  for (const [name, commands] of Object.entries(sections)) inside[name] = writeSequence(commands);
  if (text !== undefined) inside['text'] = write(Text, text);
  if (coswid !== undefined) inside['coswid'] = coswid;
  const outside: Partial<Record<SeverableName, Uint8Array>> = {};
  for (const name of severableNames) {
    const element = inside[name];
    if (!severable.includes(name) || !(element instanceof Uint8Array)) continue;
    const wrapped = wrap(element);
    inside[name] = digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', wrapped) });
    if (!severed.includes(name)) outside[name] = wrapped;
  }
  const common: Manifest['common'] = {
    ...(dependencies === undefined ? {} : { dependencies }),
    components,
    sharedSequence: writeSequence(shared),
  };
  const named = componentIdentifier === undefined ? {} : { componentIdentifier };
  return { manifest: { version: 1, sequenceNumber, common, ...named, ...inside }, severed: outside };
}

/** A lamp with two components, the first of which holds old firmware. */
export const recipient = (options: Partial<VirtualRecipientOptions> = {}): VirtualRecipient =>
  virtualRecipient({
    limits: linux,
    vendor,
    class: lamp,
    components: { '00': Uint8Array.of(1, 2, 3), '01': new Uint8Array() },
    ...options,
  });

/** All three steps. @throws {SuitError} of the step that refused. */
export function process(
  envelope: Uint8Array,
  by: VirtualRecipient = recipient(),
  procedure: Procedure = 'update',
  trusted: readonly TrustAnchor[] = anchors,
): Ending {
  const ending = attempt(envelope, by, procedure, trusted);
  if (ending.failure !== undefined) throw ending.failure.error;
  return ending;
}

/** As `process`, but what failed while running is in the ending. */
export function attempt(
  envelope: Uint8Array,
  by: VirtualRecipient = recipient(),
  procedure: Procedure = 'update',
  trusted: readonly TrustAnchor[] = anchors,
): Ending {
  const admitted = admit(authenticate(envelope, trusted, by.limits), by);
  return driveSync(run(admitted, procedure), by.perform);
}

/** For `assert.throws`: a SuitError of this stage and reason, whose message fits. */
export const refusal =
  (stage: SuitError['stage'], reason: SuitError['reason'], message = /./) =>
  (error: unknown): boolean =>
    error instanceof SuitError &&
    error.stage === stage &&
    error.reason === reason &&
    message.test(error.message);

/** Writes one byte into the current component, so that the trace tells which command ran where. */
export const mark = (byte: number): readonly Command[] => [
  set({ content: Uint8Array.of(byte) }),
  perform('directive-write'),
];

/** Runs `install` and says what the first component holds then, and whether the update succeeded. */
export function outcome(...install: readonly Command[]): string {
  const lampDevice = recipient();
  const { failure } = attempt(forge({ sections: { install } }), lampDevice);
  const held = lampDevice.components.get('00') ?? new Uint8Array();
  return `${held.join(' ')}${failure === undefined ? '' : `, ${failure.error.reason}`}`;
}
