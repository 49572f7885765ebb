/** Valid manifests that between them hold every kind of element and command: what fuzzing starts from. */

import { read, write } from '@lapel/cbor';
import type { MacKey } from '@lapel/cose';
import { digest, macDetached } from '@lapel/cose';
import type { Command, ComponentIndex, Envelope, SectionName, SeverableName } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  Text,
  digestOf,
  linux,
  manifestVersion,
  readEnvelope,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import { deviceClass, vendor } from './firmware.ts';

/** An envelope without who vouches for it. */
export type Unsealed = Pick<Envelope, 'manifest' | 'severed' | 'payloads'>;

export const firmware = new TextEncoder().encode('firmware');
export const lamp = deviceClass('lamp');
export const fuzzPayloads: ReadonlyMap<string, Uint8Array> = new Map([
  ['http://example.com/f', firmware],
  ['http://example.com/radio', firmware],
]);

type PolicyCommand = Extract<Command, { readonly policy: number }>;
type Sections = Partial<Record<Exclude<SectionName, 'sharedSequence'>, readonly Command[]>>;

const component = (part: number) => [Uint8Array.of(part)];
const set = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});
const at = (index: ComponentIndex): Command => ({ name: 'directive-set-component-index', index });
const perform = (name: PolicyCommand['name'], policy = 15): Command => ({ name, policy });
const tryEach = (...sequences: readonly (readonly Command[])[]): Command => ({
  name: 'directive-try-each',
  sequences: [...sequences.map(writeSequence), null],
});
const sha256 = (bytes: Uint8Array) => digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', bytes) });

const image: Parameters = { imageDigest: sha256(firmware), imageSize: firmware.length };
const [fetch, copy, match] = [
  perform('directive-fetch'),
  perform('directive-copy'),
  perform('condition-image-match'),
];
const compatible: readonly Command[] = [
  set({ vendorIdentifier: vendor, classIdentifier: lamp }),
  perform('condition-vendor-identifier'),
  perform('condition-class-identifier'),
];

/** Sealed by this key alone, with the digest of what now stands in it. */
export function seal({ manifest, severed, payloads }: Unsealed, key: MacKey): Uint8Array {
  const named = write(Digest, sha256(manifest));
  return writeEnvelope({ digest: named, blocks: [macDetached(key, named)], manifest, severed, payloads });
}

/** Of one component and of two, with what may be severed, with what update-management adds. */
export function samples(): readonly Unsealed[] {
  return [severable(), twoComponents(), managed(), radio()];
}

function severable(): Unsealed {
  const rest = [component(0), { modelName: 'Lamp', componentVersion: '1.0' }] as const;
  return unsealed(
    [0],
    [set(image), ...compatible],
    { install: [set({ uri: '#fw' }), fetch, match], validate: [match] },
    {
      text: { rest: [['en', { updateDescription: 'New light', rest: [rest] }]] },
      payload: ['#fw', firmware],
    },
  );
}

function twoComponents(): Unsealed {
  const nested: Command = {
    name: 'directive-run-sequence',
    sequence: writeSequence([
      set({ softFailure: true }),
      at([1, 0]),
      tryEach([match], [copy, match]),
      set({ strictOrder: false }),
    ]),
  };
  return unsealed([0, 1], [at(true), set({ ...image, sourceComponent: 0 }), ...compatible], {
    payloadFetch: [at(0), set({ uri: 'http://example.com/f', componentSlot: 0 }), fetch],
    install: [at(1), nested, tryEach([perform('condition-component-slot'), perform('directive-swap')])],
    validate: [at(true), match],
    load: [at(1), set({ content: firmware }), perform('directive-write'), perform('condition-check-content')],
    invoke: [at(0), perform('directive-invoke')],
  });
}

function managed(): Unsealed {
  const conditions = ['use-before', 'minimum-battery', 'update-authorized', 'version'] as const;
  const payloadFetch = [
    set({ useBefore: 9, minimumBattery: 9, updatePriority: 9, waitInfo: { time: 9, power: 1 } }),
    set({ version: ['lesser', [2, -1]], componentMetadata: { fileType: 'regular' }, content: firmware }),
    ...conditions.map((name) => perform(`condition-${name}`)),
    perform('directive-wait'),
    perform('directive-write'),
    { name: 'directive-override-multiple', byIndex: [[0, write(Parameters, { uri: '#fw' })]] },
    { name: 'directive-copy-params', from: [[0, [4, 28]]] },
  ] as const;
  const elements = {
    setVersion: [2, -1],
    coswid: firmware,
    usageDescription: { url: 'https://example.com/mud', signer: sha256(firmware) },
  };
  return unsealed([0], [set(image), ...compatible], { payloadFetch }, { elements });
}

/** What `dependent` depends on. */
export function radio(): Unsealed {
  const uri = 'http://example.com/radio';
  const install = [set({ uri, ...image }), fetch, match];
  return unsealed([1], compatible, { install, validate: [match] });
}

/** A manifest that carries, checks and processes the one in this envelope, encrypted or as it is. */
export function dependent(dependency: Uint8Array, hidden?: Hidden): Unsealed {
  const encryption = hidden === undefined ? {} : { encryptionInfo: hidden.info };
  const named = { imageDigest: read(Digest, readEnvelope(dependency, linux).digest), ...encryption };
  const checked = [perform('condition-dependency-integrity'), perform('directive-process-dependency')];
  return unsealed(
    [0, 13],
    [at(true), ...compatible],
    {
      dependencyResolution: [at(1), set({ uri: '#radio', ...named }), fetch, ...checked],
      install: [at(1), ...checked, at(0), set({ uri: 'http://example.com/f', ...image }), fetch, match],
      validate: [at(1), ...checked, at(0), match],
    },
    { dependencies: [[1, {}]], payload: ['#radio', hidden?.ciphertext ?? dependency] },
  );
}

export interface Hidden {
  readonly info: Uint8Array;
  readonly ciphertext: Uint8Array;
}

interface Further {
  readonly text?: Text;
  readonly dependencies?: Manifest['common']['dependencies'];
  readonly payload?: readonly [string, Uint8Array];
  readonly elements?: Partial<Manifest>;
}

/** What may be severed is, where the manifest has a text. */
function unsealed(
  components: readonly number[],
  shared: readonly Command[],
  sections: Sections,
  { text, dependencies, payload, elements = {} }: Further = {},
): Unsealed {
  const inside: Record<string, Uint8Array | Digest> = {};
  for (const [name, commands] of Object.entries(sections)) inside[name] = writeSequence(commands);
  const outside: Partial<Record<SeverableName, Uint8Array>> = {};
  if (text !== undefined) {
    outside.text = wrap(write(Text, text));
    outside.install = wrap(writeSequence(sections.install ?? []));
    inside['text'] = sha256(outside.text);
    inside['install'] = sha256(outside.install);
  }
  const common: Manifest['common'] = {
    ...(dependencies === undefined ? {} : { dependencies }),
    components: components.map(component),
    sharedSequence: writeSequence(shared),
  };
  const manifest = write(Manifest, {
    version: manifestVersion,
    sequenceNumber: 1,
    common,
    ...inside,
    ...elements,
  });
  return {
    manifest: wrap(manifest),
    severed: outside,
    payloads: new Map(payload === undefined ? [] : [payload]),
  };
}
