/** Orders to install now: only the tracker's own, for this device, this session and this very offer. */
import { CborError, read } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, equalInConstantTime, openSigned } from '@lapel/cose';
import { Trigger } from '../protocol.ts';

export type { Trigger } from '../protocol.ts';

interface For {
  readonly device: string;
  readonly offer: Uint8Array;
  readonly session: Uint8Array;
}

/** Undefined where it is none for this device here and now: then nothing has been ordered. */
export function openTrigger(
  signed: Uint8Array,
  trackerKey: VerificationKey,
  wanted: For,
): Trigger | undefined {
  const trigger = opened(signed, trackerKey);
  if (trigger === undefined) return undefined;
  const { device, offer, session } = trigger;
  const isOurs = equalInConstantTime(offer, wanted.offer) && equalInConstantTime(session, wanted.session);
  return device === wanted.device && isOurs ? trigger : undefined;
}

function opened(signed: Uint8Array, trackerKey: VerificationKey): Trigger | undefined {
  try {
    return read(Trigger, openSigned(signed, [trackerKey]).payload);
  } catch (error) {
    if (error instanceof CborError || error instanceof CoseError) return undefined;
    throw error;
  }
}
