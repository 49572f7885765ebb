/** RFC 8949 §3.3, §4.2.2: floating-point numbers, each in the shortest form that holds its value. */

/** The number in 2, 4 or 8 bytes of IEEE 754, big-endian. */
export function floatFrom(raw: Uint8Array): number {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  if (raw.length === 8) return view.getFloat64(0);
  if (raw.length === 4) return view.getFloat32(0);
  return halfToNumber(view.getUint16(0));
}

/** The shortest bytes that hold `value` exactly. There is one NaN. */
export function floatBytes(value: number): Uint8Array {
  const half = Number.isNaN(value) ? 0x7e00 : numberToHalf(value);
  const size = half !== undefined ? 2 : Math.fround(value) === value ? 4 : 8;
  const view = new DataView(new ArrayBuffer(size));
  if (half !== undefined) view.setUint16(0, half);
  else if (size === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return new Uint8Array(view.buffer);
}

/**
 * Whether these are the bytes that `floatBytes` would write: not longer than need be, and no second kind of
 * NaN.
 */
export function isShortestFloat(raw: Uint8Array): boolean {
  const shortest = floatBytes(floatFrom(raw));
  return shortest.length === raw.length && shortest.every((byte, index) => byte === raw[index]);
}

/** IEEE 754 binary16, RFC 8949 Appendix D. */
function halfToNumber(half: number): number {
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** The binary16 that holds `value` exactly, if there is one. */
function numberToHalf(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Infinity) return sign | 0x7c00;
  if (size === 0) return sign;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const scaled = size * 2 ** (10 - exponent);
  if (exponent > 15 || !Number.isInteger(scaled) || scaled > 2047) return undefined;
  return scaled < 1024 ? sign | scaled : sign | ((exponent + 15) << 10) | (scaled - 1024);
}
