/**
 * The options of CoAP: their numbers, and what their values may be (RFC 7252 §5.10). What a number says of
 * itself (critical, unsafe, part of the cache key) is in its bits (§5.4.6) and in no table.
 */

export interface Option {
  readonly number: number;
  readonly value: Uint8Array;
}

interface Row {
  readonly number: number;
  readonly format: 'opaque' | 'uint' | 'string';
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly repeats: boolean;
}

const row = (number: number, format: Row['format'], bytesMin: number, bytesMax: number): Row => ({
  number,
  format,
  bytesMin,
  bytesMax,
  repeats: false,
});
const repeated = (...args: Parameters<typeof row>): Row => ({ ...row(...args), repeats: true });

/**
 * RFC 7252 §5.10; 7641 §2; 7959 §2.1, §4; 8613 §2; 8768 §3; 9175 §2.2.1, §3.2.1; 9177 §4.1. If-Match and
 * If-None-Match are not here: no resource of ours looks at them, and being critical they must then be refused
 * (§5.4.1).
 */
export const optionTable = {
  uriHost: row(3, 'string', 1, 255),
  etag: repeated(4, 'opaque', 1, 8),
  observe: row(6, 'uint', 0, 3),
  uriPort: row(7, 'uint', 0, 2),
  locationPath: repeated(8, 'string', 0, 255),
  oscore: row(9, 'opaque', 0, 255),
  uriPath: repeated(11, 'string', 0, 255),
  contentFormat: row(12, 'uint', 0, 2),
  maxAge: row(14, 'uint', 0, 4),
  uriQuery: repeated(15, 'string', 0, 255),
  hopLimit: row(16, 'uint', 1, 1),
  accept: row(17, 'uint', 0, 2),
  qBlock1: row(19, 'uint', 0, 3),
  locationQuery: repeated(20, 'string', 0, 255),
  block2: row(23, 'uint', 0, 3),
  block1: row(27, 'uint', 0, 3),
  size2: row(28, 'uint', 0, 4),
  qBlock2: repeated(31, 'uint', 0, 3),
  proxyUri: row(35, 'string', 1, 1034),
  proxyScheme: row(39, 'string', 1, 255),
  size1: row(60, 'uint', 0, 4),
  echo: row(252, 'opaque', 1, 40),
  requestTag: repeated(292, 'opaque', 0, 8),
} as const satisfies Record<string, Row>;
export type OptionName = keyof typeof optionTable;

const rowByNumber = new Map(Object.values<Row>(optionTable).map((one) => [one.number, one]));

/** §5.4.6: whoever does not understand it must not go on. */
export const isCritical = (number: number): boolean => (number & 1) === 1;
/** A proxy that does not understand it must not forward it. */
export const isUnsafe = (number: number): boolean => (number & 2) === 2;
/** Whether two requests that differ in it only may share an answer. */
export const isNoCacheKey = (number: number): boolean => (number & 0x1e) === 0x1c;

/**
 * §5.4.1, §5.4.3, §5.4.5: what is not in the table, has a length that its row does not allow, or stands there
 * more often than it may, is not understood: left out where it is elective, told where it is critical.
 */
export function understood(options: readonly Option[]): {
  readonly options: readonly Option[];
  readonly critical: number | undefined;
} {
  let before = -1;
  let isWhole = true;
  for (const { number, value } of options) {
    if (!isUnderstood(number, value.length, before)) {
      if (isCritical(number)) return { options, critical: number };
      isWhole = false;
    }
    before = number;
  }
  if (isWhole) return { options, critical: undefined };
  const kept = options.filter(({ number, value }, index) =>
    isUnderstood(number, value.length, options[index - 1]?.number ?? -1),
  );
  return { options: kept, critical: undefined };
}

function isUnderstood(number: number, length: number, before: number): boolean {
  const known = rowByNumber.get(number);
  if (known === undefined || length < known.bytesMin || length > known.bytesMax) return false;
  return known.repeats || number !== before;
}

/** The value of the first such option. */
export function optionValue(options: readonly Option[], name: OptionName): Uint8Array | undefined {
  const { number } = optionTable[name];
  for (const option of options) if (option.number === number) return option.value;
  return undefined;
}

export function uintOption(options: readonly Option[], name: OptionName): number | undefined {
  const value = optionValue(options, name);
  return value === undefined ? undefined : readUint(value);
}

export const optionValues = (options: readonly Option[], name: OptionName): readonly Uint8Array[] =>
  options.filter(({ number }) => number === optionTable[name].number).map(({ value }) => value);

export const without = (options: readonly Option[], ...names: readonly OptionName[]): readonly Option[] =>
  options.filter(({ number }) => !names.some((name) => optionTable[name].number === number));

export const option = (name: OptionName, value: Uint8Array): Option => ({
  number: optionTable[name].number,
  value,
});

export const uint = (name: OptionName, value: number): Option => option(name, writeUint(value));

export const text = (name: OptionName, value: string): Option =>
  option(name, new TextEncoder().encode(value));

/** §3.2: big-endian, of any length; leading zeros are allowed to come and never sent. */
export const readUint = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0);

export function writeUint(value: number): Uint8Array {
  const length = value === 0 ? 0 : value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : value < 2 ** 24 ? 3 : 4;
  return Uint8Array.from({ length }, (_, at) => Math.floor(value / 2 ** (8 * (length - 1 - at))) & 0xff);
}
