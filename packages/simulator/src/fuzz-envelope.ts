/**
 * Envelopes that are changed at random, in two modes. With the signature check on, whatever is still
 * accepted says what its author said. With digests and signatures repaired, as an author makes them who is
 * trusted and makes every mistake: every check behind the signature is reached.
 */

import type { Item } from '@lapel/cbor';
import { bstr, compareBytes, decode, encode, hex, read } from '@lapel/cbor';
import type { MacKey } from '@lapel/cose';
import { digest, signDetached, wrappingKey } from '@lapel/cose';
import type { Answer, AuthenticManifest, Effect, TrustAnchor, VirtualRecipient } from '@lapel/suit';
import {
  SuitError,
  admit,
  authenticate,
  driveSync,
  elementOf,
  linux,
  readEnvelope,
  run,
  severableKeys,
  severableNames,
  summarise,
  virtualRecipient,
  wrap,
  writeEnvelope,
} from '@lapel/suit';
import { vendor } from './firmware.ts';
import { hidden, seededMacKey, seededSigningKey } from './fuzz-keys.ts';
import type { Unsealed } from './fuzz-samples.ts';
import { dependent, firmware, fuzzPayloads, lamp, radio, samples, seal } from './fuzz-samples.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { Broken } from './fuzz-target.ts';
import { mutant } from './fuzz-tree.ts';
import type { SeededRandom } from './random.ts';

/** Small, so that they are met. */
const limits = { ...linux, components: 4, commands: 512 };
const messageMax = 1000;

export function envelopeTargets(seed: number): readonly [FuzzTarget, FuzzTarget] {
  const key = seededMacKey(seed);
  const signer = seededSigningKey(seed);
  const anchors = [{ key }, { key: signer.public }];
  const needed = seal(radio(), key);
  const roots = [dependent(needed), dependent(needed, hidden(needed, contentSecret(key)))];
  const signed = [...samples(), ...roots].flatMap((each) => {
    const sealed = seal(each, key);
    const parts = readEnvelope(sealed, limits);
    return [
      sealed,
      writeEnvelope({ ...parts, blocks: [signDetached(signer, parts.digest), ...parts.blocks] }),
    ];
  });
  const checked: FuzzTarget = {
    name: 'envelopes, with the signature check on',
    draw(random) {
      const original = signed[random.below(signed.length)] ?? new Uint8Array();
      const input = mutant(original, random);
      return { input, check: () => requireSame(original, input, anchors, key) };
    },
  };
  const repaired: FuzzTarget = {
    name: 'envelopes, with digests and signatures repaired',
    draw(random) {
      const input = mistaken(key, random);
      return { input, check: () => void process(input, anchors, key) };
    },
  };
  return [checked, repaired];
}

/** Accepted, it must be the original in all that its author vouched for, down to what is installed. */
function requireSame(
  original: Uint8Array,
  input: Uint8Array,
  anchors: readonly TrustAnchor[],
  key: MacKey,
): void {
  const before = process(original, anchors, key);
  const after = process(input, anchors, key);
  if (before.authentic === undefined) throw new Broken('expected the original to be accepted');
  if (after.authentic === undefined) return;
  const [one, other] = [before.authentic, after.authentic];
  requireEqual('manifest', one.envelope.manifest, other.envelope.manifest);
  requireEqual('digest', one.envelope.digest, other.envelope.digest);
  if (!after.admitted) return;
  for (const name of severableNames) {
    const found = elementOf(other, name);
    // An element that is cut off is not there (§8.5); nothing else may stand in its place.
    if (found !== undefined) requireEqual(name, elementOf(one, name), found);
  }
  if (before.ending === 'ok ok' && after.ending === 'ok ok') {
    for (const [name, content] of after.holds)
      requireEqual(`component ${name}`, before.holds.get(name), content);
  }
}

function requireEqual(what: string, one: Uint8Array | undefined, other: Uint8Array): void {
  if (one !== undefined && compareBytes(one, other) === 0) return;
  throw new Broken(`accepted with another ${what}: ${hex(other)}`);
}

interface Outcome {
  readonly authentic?: AuthenticManifest;
  readonly admitted: boolean;
  /** How update and invocation ended. */
  readonly ending?: string;
  readonly holds: ReadonlyMap<string, Uint8Array>;
}

/** Everything that a device or server does with an envelope; only a SuitError may end it. */
function process(input: Uint8Array, anchors: readonly TrustAnchor[], key: MacKey): Outcome {
  const device = recipient(anchors, key);
  const holds = device.components;
  const authentic = orRefused(() => authenticate(input, anchors, limits));
  if (authentic === undefined) return { admitted: false, holds };
  orRefused(() => summarise(authentic, limits));
  const admitted = orRefused(() => admit(authentic, device));
  if (admitted === undefined) return { authentic, admitted: false, holds };
  const ending = (['update', 'invocation'] as const).map((procedure) => {
    let effects = 0;
    const answer = (effect: Effect): Answer => {
      if (++effects > limits.commands) throw new Broken('more effects than commands');
      return device.perform(effect);
    };
    const { failure } = driveSync(run(admitted, procedure), answer);
    if (failure !== undefined) requireShort(failure.error);
    return failure === undefined ? 'ok' : failure.error.reason;
  });
  return { authentic, admitted: true, ending: ending.join(' '), holds };
}

function orRefused<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    requireShort(error);
    return undefined;
  }
}

function requireShort({ message }: SuitError): void {
  if (message.length > messageMax) throw new Broken(`a message of ${message.length} characters`);
}

/** What a device shares with whoever encrypts for it. */
const contentSecret = ({ secret }: MacKey): Uint8Array => secret.subarray(0, 16);

function recipient(anchors: readonly TrustAnchor[], key: MacKey): VirtualRecipient {
  return virtualRecipient({
    limits,
    vendor,
    class: lamp,
    anchors,
    components: { '00': firmware, '01': firmware, '0d': firmware },
    payloads: fuzzPayloads,
    decryptionKeys: [wrappingKey(contentSecret(key))],
    time: 8,
    batteryMilliwattHours: 9,
    version: [1, 2],
    authorize: (priority) => priority > 8,
    waits: ({ power }) => power === 1,
  });
}

/** One with a mistake in its manifest, in what is severed, or in the manifest that it depends on. */
function mistaken(key: MacKey, random: SeededRandom): Uint8Array {
  const all = samples();
  const simple = all[random.below(all.length + 2)];
  if (simple !== undefined) return resealed(simple, key, random);
  const dependency = resealed(radio(), key, random);
  // What no envelope can be read from can't be named as a dependency either.
  const sound = seal(radio(), key);
  // Encrypted anew after the change, so that what is read is read after the decryption; or changed after it.
  const inside = random.below(2) === 0 ? undefined : hidden(dependency, contentSecret(key));
  const isChanged = inside !== undefined && random.below(4) === 0;
  const carried = isChanged ? { ...inside, ciphertext: mutant(inside.ciphertext, random) } : inside;
  const carrier = orRefused(() => dependent(dependency, carried)) ?? dependent(sound);
  return random.below(2) === 0 ? seal(carrier, key) : resealed(carrier, key, random);
}

/** Sealed anew, so that what is severed is looked into, too. */
function resealed(original: Unsealed, key: MacKey, random: SeededRandom): Uint8Array {
  let { severed } = original;
  let content = read(bstr, original.manifest);
  if (random.below(3) === 0) {
    const elements = new Map(decode(content) as ReadonlyMap<Item, Item>);
    for (const name of severableNames) {
      const element = severed[name];
      if (element === undefined) continue;
      const changed = wrap(mutant(read(bstr, element), random));
      severed = { ...severed, [name]: changed };
      elements.set(severableKeys[name], encode([-16, digest('sha-256', changed)]));
    }
    content = encode(elements);
  }
  const manifest = wrap(mutant(content, random));
  return seal({ ...original, severed, manifest }, key);
}
