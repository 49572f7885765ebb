/**
 * A device with an isolated side (RFC 9397): components that begin with `tee` lie where the firmware cannot
 * read them, and what is written there is decrypted there, with keys that are known nowhere else. The two
 * sides share the processor's effects and nothing besides.
 */

import { encryptFor, equalInConstantTime, joined } from '@lapel/cose';
import type { ContentAlgorithm, RecipientPublicKey, WrappingKey } from '@lapel/cose';
import type { Answer, ComponentIdentifier, DecryptionKey, Effect, VirtualRecipient } from '@lapel/suit';
import type { VirtualRecipientOptions } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import { recipient } from './forge.ts';

const utf8 = new TextEncoder();
const tee = utf8.encode('tee');
export const isolated = (name: string): ComponentIdentifier => [tee, utf8.encode(name)];
const isIsolated = ([first]: ComponentIdentifier): boolean =>
  first !== undefined && equalInConstantTime(first, tee);

export interface Hidden {
  readonly info: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** For whoever holds the other half. */
export function hide(
  content: Uint8Array,
  key: WrappingKey | RecipientPublicKey,
  algorithm: ContentAlgorithm = 'A128GCM',
): Hidden {
  const running = encryptFor([key], algorithm);
  return { info: running.info, ciphertext: joined(running.update(content), running.finish()) };
}

export interface TwoSided extends VirtualRecipient {
  /** What the isolated side holds; nothing outside of it sees this. */
  readonly inside: ReadonlyMap<string, Uint8Array>;
}

export function deviceWithStore(
  keys: readonly DecryptionKey[],
  { components = {}, ...options }: Partial<VirtualRecipientOptions>,
): TwoSided {
  const isOf = (side: boolean) =>
    Object.fromEntries(Object.entries(components).filter(([name]) => name.startsWith(`${prefix}/`) === side));
  const outer = recipient({ ...options, components: isOf(false) });
  const inner = recipient({ ...options, components: isOf(true), decryptionKeys: keys });
  const perform = (effect: Effect): Answer => {
    if ((effect.do === 'copy' || effect.do === 'swap') && isIsolated(effect.source)) {
      throw failed('expected a source that may be read, found an isolated one');
    }
    if (!isIsolated(effect.component)) return outer.perform(effect);
    if (effect.do !== 'copy') return inner.perform(effect);
    // The ciphertext crosses over, and is opened there.
    const { source, do: _, ...rest } = effect;
    const content = outer.components.get(componentName(source)) ?? new Uint8Array();
    return inner.perform({ ...rest, do: 'write', content });
  };
  return {
    ...outer,
    hasComponent: (component) => (isIsolated(component) ? inner : outer).hasComponent(component),
    inside: inner.components,
    perform,
  };
}

const prefix = componentName([tee]);
const failed = (message: string) => new SuitError('run', 'operation-failed', message);
