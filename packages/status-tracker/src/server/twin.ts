/**
 * Whether a check-in that was refused tells of a second holder of the key. A counter that goes back is not
 * enough: whoever carries messages may hold one back until later ones have passed, and bring any of them
 * again, and so could freeze an honest device. What nobody but a holder of the key can make is two different
 * check-ins with the same counter in the same session. A device counts up before it signs, and begins a
 * session of its own with each start; so one of the two is a copy's. Compared is what was signed, not the
 * message: around the same payload an ECDSA signature has a second form, which anybody can make.
 */
import { CborError, compareBytes, read } from '@lapel/cbor';
import { CoseError, peekSigned } from '@lapel/cose';
import { CheckIn } from '../protocol.ts';
import type { Evidence } from './store.ts';

/** Messages of a device that are looked through: a copy that is further behind meets one of these later. */
export const keptMax = 64;

/**
 * @param signed a check-in whose signature was verified
 * @param kept what the device has said before
 * @returns what can't be of one device, where there is such
 */
export function twinOf(signed: Uint8Array, kept: readonly Evidence[]): string | undefined {
  const { payload } = peekSigned(signed);
  const { counter, session } = read(CheckIn, payload);
  const isOther = kept.some((each) => {
    const known = each.kind === 'check-in' ? payloadOf(each.signed) : undefined;
    const told = known === undefined ? undefined : checkInOf(known);
    if (known === undefined || told?.counter !== counter) return false;
    return compareBytes(told.session, session) === 0 && compareBytes(known, payload) !== 0;
  });
  if (!isOther) return undefined;
  return `two of it go on at once: both have signed a check-in number ${counter} of one session`;
}

/** What is kept was read before; by an older program, perhaps, whose messages are none any more. */
function payloadOf(signed: Uint8Array): Uint8Array | undefined {
  try {
    return peekSigned(signed).payload;
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}

function checkInOf(payload: Uint8Array): CheckIn | undefined {
  try {
    return read(CheckIn, payload);
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
