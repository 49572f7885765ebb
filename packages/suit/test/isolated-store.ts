/**
 * A device with an isolated side (RFC 9397): components that begin with `tee` lie where the firmware cannot
 * read them. What is copied there is encrypted for that side alone: its key is known nowhere else. What opens
 * the ciphertext travels in front of it, under one digest.
 */

import { array, bstr, read, write } from '@lapel/cbor';
import type { RecipientKey } from '@lapel/cose';
import { CoseError, decryptWith, encryptFor, equalInConstantTime, joined } from '@lapel/cose';
import type { Answer, ComponentIdentifier, Effect, VirtualRecipient } from '@lapel/suit';
import type { VirtualRecipientOptions } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import { recipient } from './forge.ts';

const utf8 = new TextEncoder();
const tee = utf8.encode('tee');
export const isolated = (name: string): ComponentIdentifier => [tee, utf8.encode(name)];
const isIsolated = ([first]: ComponentIdentifier): boolean =>
  first !== undefined && equalInConstantTime(first, tee);

const Sealed = array(bstr, { min: 2, max: 2 });

/** Data that only the isolated side of this device can read. */
export function sealFor({ public: key }: RecipientKey, data: Uint8Array): Uint8Array {
  const encryption = encryptFor([key], 'A128GCM');
  return write(Sealed, [encryption.info, joined(encryption.update(data), encryption.finish())]);
}

export function deviceWithStore(
  key: RecipientKey,
  options: Partial<VirtualRecipientOptions>,
): VirtualRecipient {
  const device = recipient(options);
  const contentOf = (component: ComponentIdentifier) =>
    device.components.get(componentName(component)) ?? new Uint8Array();
  const perform = (effect: Effect): Answer => {
    if (effect.do !== 'copy' && effect.do !== 'swap') return device.perform(effect);
    if (isIsolated(effect.source)) throw failed('expected a source that may be read, found an isolated one');
    if (!isIsolated(effect.component) || effect.do === 'swap') return device.perform(effect);
    device.trace.push(`decrypt ${componentName(effect.component)}`);
    const content = opened(contentOf(effect.source), key);
    return void device.components.set(componentName(effect.component), content);
  };
  return { ...device, perform };
}

function opened(sealed: Uint8Array, key: RecipientKey): Uint8Array {
  const [info = new Uint8Array(), ciphertext = new Uint8Array()] = read(Sealed, sealed);
  try {
    const decryption = decryptWith(info, [key]);
    return joined(decryption.update(ciphertext), decryption.finish());
  } catch (error) {
    if (error instanceof CoseError) throw failed(error.message);
    throw error;
  }
}

const failed = (message: string) => new SuitError('run', 'operation-failed', message);
