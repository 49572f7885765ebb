/**
 * The `index.json` of a folder of vectors: which envelope is served what, on which device, and what must
 * become of it. It comes from outside, so every member is read as what it is, or refused.
 */

import { unhex } from '@lapel/cbor';

const vectorsMax = 10_000;

const expectations = ['accept', 'accept-for-boot', 'reject', 'policy'] as const;
export type Expectation = (typeof expectations)[number];

/** `boot` is the invocation procedure; the others are of the update procedure. */
const stages = ['parse', 'auth', 'setup', 'run', 'boot'] as const;
export type VectorStage = (typeof stages)[number];

export interface Vector {
  readonly file: string;
  readonly expect: Expectation;
  readonly stage: VectorStage;
  /** File name by URI, or undefined where the vector says nothing of what is served. */
  readonly payloads: ReadonlyMap<string, string> | undefined;
  readonly device: VectorDevice;
  /** Why it can't be judged: the device that it asks for has a property that nobody here knows. */
  readonly unread?: string;
}

/** The device that a vector meets. */
export interface VectorDevice {
  readonly vendor?: Uint8Array;
  readonly class?: Uint8Array;
  readonly device?: Uint8Array;
  readonly sequence?: number;
  readonly slot?: number;
  /** Of every component. */
  readonly version?: readonly number[];
  /** Seconds since 1970; `none` is a device without a clock that it trusts. */
  readonly time?: number | 'none';
  readonly batteryMilliwattHours?: number;
  /** What the application says of the update. */
  readonly authorized?: boolean;
  /** Whether it can wait for what a manifest waits for, or the events that it can wait for. */
  readonly waits?: boolean | ReadonlySet<string>;
  /**
   * What its components hold at first, a file name by component; an empty name is an empty component, and
   * undefined says nothing of it.
   */
  readonly components?: ReadonlyMap<string, string | undefined>;
}

export interface VectorIndex {
  /** Value by name: a trusted key's file, or the key itself. */
  readonly keys: ReadonlyMap<string, string>;
  readonly vectors: readonly Vector[];
}

/** @throws {Error} where the text is no index, with the place. */
export function readIndex(text: string): VectorIndex {
  const index = members(JSON.parse(text), 'the index');
  const device = readDevice(index.get('device'), 'device');
  const vectors = index.get('vectors');
  if (!Array.isArray(vectors) || vectors.length > vectorsMax) {
    throw expected(`a list of at most ${vectorsMax} vectors`, vectors, 'vectors');
  }
  return {
    keys: new Map(
      [...members(index.get('keys') ?? {}, 'keys')].map(([name, key]) => [name, textOf(key, name)]),
    ),
    vectors: vectors.map((vector: unknown, at) => readVector(vector, device, `vectors[${at}]`)),
  };
}

function readVector(value: unknown, common: VectorDevice, where: string): Vector {
  const vector = members(value, where);
  const payloads = vector.get('payloads');
  return {
    file: textOf(vector.get('file'), `${where}.file`),
    expect: oneOf(expectations, vector.get('expect'), `${where}.expect`),
    stage: oneOf(stages, vector.get('stage'), `${where}.stage`),
    payloads:
      payloads === undefined
        ? undefined
        : new Map([...members(payloads, where)].map(([uri, file]) => [uri, textOf(file, uri)])),
    ...readOwnDevice(vector.get('device'), common, where),
  };
}

/** One vector's strange device must not hide the verdicts on the others. */
function readOwnDevice(
  value: unknown,
  common: VectorDevice,
  where: string,
): Pick<Vector, 'device' | 'unread'> {
  try {
    return { device: { ...common, ...readDevice(value, `${where}.device`) } };
  } catch (error) {
    if (!(error instanceof IndexError)) throw error;
    return { device: common, unread: error.message };
  }
}

type DeviceMembers = { -readonly [K in keyof VectorDevice]: VectorDevice[K] };

/** Each member under the names that people give it, without regard to case and punctuation. */
const readers: Readonly<Record<string, (device: DeviceMembers, value: unknown, where: string) => void>> = {
  'vendor vendorid vendoridentifier': (device, value, where) => (device.vendor = hexBytes(value, where)),
  'class classid classidentifier': (device, value, where) => (device.class = hexBytes(value, where)),
  'device deviceid deviceidentifier': (device, value, where) => (device.device = hexBytes(value, where)),
  'sequence sequencenumber': (device, value, where) => (device.sequence = integer(value, where)),
  'slot componentslot': (device, value, where) => (device.slot = integer(value, where)),
  'version currentversion': (device, value, where) => (device.version = integers(value, where)),
  'time now clock timeseconds unixtime timestamp utc': (device, value, where) =>
    (device.time = value === null || value === false ? 'none' : integer(value, where)),
  'battery batterymwh batterylevel': (device, value, where) =>
    (device.batteryMilliwattHours = integer(value, where)),
  'authorized updateauthorized authorised': (device, value, where) =>
    (device.authorized = yesOrNo(value, where)),
  'waits wait events': (device, value, where) => (device.waits = readEvents(value, where)),
  'components component holds installed contents': (device, value, where) =>
    (device.components = readComponents(value, where)),
};
const readerByName = new Map(
  Object.entries(readers).flatMap(([names, read]) => names.split(' ').map((name) => [name, read] as const)),
);

function readDevice(value: unknown, where: string): VectorDevice {
  const device: DeviceMembers = {};
  for (const [name, member] of members(value ?? {}, where)) {
    const read = readerByName.get(name.toLowerCase().replaceAll(/[^a-z]/g, ''));
    if (read === undefined) throw expected('a property of a device', name, where);
    read(device, member, `${where}.${name}`);
  }
  return device;
}

/** True or false for all of them, or names as the draft has them: `time-of-day-utc`. */
function readEvents(value: unknown, where: string): boolean | ReadonlySet<string> {
  if (!Array.isArray(value)) return yesOrNo(value, where);
  const names = value.map((each: unknown) => textOf(each, where));
  return new Set(names.map((name) => name.toLowerCase().replaceAll(/[^a-z]/g, '')));
}

/** A list of names, files by name, or the one file that the first component holds; null is nothing. */
function readComponents(value: unknown, where: string): ReadonlyMap<string, string | undefined> {
  if (typeof value === 'string') return new Map([['00', value]]);
  if (Array.isArray(value)) {
    return new Map(value.map((name: unknown) => [componentKey(textOf(name, where)), undefined]));
  }
  const files = [...members(value, where)];
  return new Map(
    files.map(([name, file]) => [componentKey(name), file === null ? '' : textOf(file, `${where}.${name}`)]),
  );
}

/** A component's name as `componentName` gives it: parts in hex; a part that is no hex is text. */
export const componentKey = (name: string): string =>
  name
    .split('/')
    .map((part) => (unhex(part) === undefined ? Buffer.from(part).toString('hex') : part.toLowerCase()))
    .join('/');

function members(value: unknown, where: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw expected('an object', value, where);
  }
  return new Map(Object.entries(value));
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw expected('a text', value, where);
}

function integer(value: unknown, where: string): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw expected('an integer', value, where);
}

function integers(value: unknown, where: string): readonly number[] {
  if (!Array.isArray(value)) throw expected('a list of integers', value, where);
  return value.map((each: unknown) => integer(each, where));
}

function yesOrNo(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw expected('true or false', value, where);
}

function hexBytes(value: unknown, where: string): Uint8Array {
  const bytes = unhex(textOf(value, where).replaceAll('-', ''));
  if (bytes !== undefined) return bytes;
  throw expected('bytes in hex', value, where);
}

function oneOf<const T extends string>(all: readonly T[], value: unknown, where: string): T {
  const found = all.find((each) => each === value);
  if (found !== undefined) return found;
  throw expected(`one of ${all.join(', ')}`, value, where);
}

class IndexError extends Error {}

const expected = (what: string, value: unknown, where: string) =>
  new IndexError(`expected ${what} in ${where}, found ${JSON.stringify(value) ?? 'nothing'}`);
