/** ECDSA as tokens write it, for whoever has one sign: no bootloader needs it. */

const [sequenceTag, integerTag] = [0x30, 0x02];
const longForm = 0x81;

/**
 * Back from DER, as tokens write it. Undefined where the bytes are no such value: then they
 * may be r and s already.
 */
export function ecdsaNumbers(der: Uint8Array, bytesEach: number): Uint8Array | undefined {
  // 2 numbers of 48 bytes fit a length of one octet, be it in the short form or behind 0x81.
  const head = der[1] === longForm ? 3 : 2;
  if (der[0] !== sequenceTag || der[head - 1] !== der.length - head) return undefined;
  const r = integerAt(der, head, bytesEach);
  const s = r === undefined ? undefined : integerAt(der, r.end, bytesEach);
  if (r === undefined || s?.end !== der.length) return undefined;
  const numbers = new Uint8Array(2 * bytesEach);
  numbers.set(r.bytes, bytesEach - r.bytes.length);
  numbers.set(s.bytes, 2 * bytesEach - s.bytes.length);
  return numbers;
}

function integerAt(der: Uint8Array, at: number, bytesMax: number) {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== integerTag || length === 0 || end > der.length) return undefined;
  const whole = der.subarray(at + 2, end);
  // A zero in front keeps a number positive that would begin with a one.
  const bytes = whole[0] === 0 ? whole.subarray(1) : whole;
  return bytes.length > bytesMax ? undefined : { bytes, end };
}
