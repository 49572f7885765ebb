/**
 * A device as a JSON object describes it: who it is, what it holds, what it would answer. Members are known
 * under the names that people give them.
 */

import { hex, unhex } from '@lapel/cbor';
import { classIdentifier, vendorIdentifier } from '@lapel/suit';
import { expected, hexBytes, integer, integers, members, textOf, yesOrNo } from './json-member.ts';

/** What a component holds at first. */
export type Holding =
  /** Nothing is said of it: it is empty, where nobody knows better. */
  | { readonly is: 'unsaid' }
  | { readonly is: 'empty' }
  | { readonly is: 'file'; readonly name: string }
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  /** An image that nobody has at hand. */
  | { readonly is: 'digest'; readonly digest: Uint8Array; readonly sizeBytes?: number };

/** What is said of one component alone; it goes before what is said of the device. */
export interface ComponentDescription {
  readonly holds: Holding;
  readonly slot?: number;
  readonly version?: readonly number[];
  readonly sequence?: number;
}

export interface DescribedDevice {
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
  /** By `componentName`. */
  readonly components?: ReadonlyMap<string, ComponentDescription>;
}

const componentsMax = 1024;

const unsaid: ComponentDescription = { holds: { is: 'unsaid' } };

type Members = { -readonly [K in keyof DescribedDevice]: DescribedDevice[K] };
type Readers<T> = Readonly<Record<string, (found: T, value: unknown, where: string) => void>>;

/** Each member under its names, without regard to case and punctuation. */
const readers: Readers<Members> = {
  'vendor vendorid vendoridentifier': (device, value, where) => (device.vendor = vendorOf(value, where)),
  'class classid classidentifier': (device, value, where) =>
    (device.class = classOf(value, device.vendor, where)),
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

type ComponentMembers = { -readonly [K in keyof ComponentDescription]: ComponentDescription[K] } & {
  sizeBytes?: number;
};

const componentReaders: Readers<ComponentMembers> = {
  'file image path': (component, value, where) => (component.holds = fileOf(value, where)),
  'hex bytes': (component, value, where) =>
    (component.holds = { is: 'bytes', bytes: hexBytes(value, where) }),
  'text content': (component, value, where) =>
    (component.holds = { is: 'bytes', bytes: new TextEncoder().encode(textOf(value, where)) }),
  'digest sha imagedigest': (component, value, where) =>
    (component.holds = { is: 'digest', digest: hexBytes(value, where) }),
  'size sizebytes imagesize': (component, value, where) => (component.sizeBytes = integer(value, where)),
  'sequence sequencenumber': (component, value, where) => (component.sequence = integer(value, where)),
  'slot componentslot': (component, value, where) => (component.slot = integer(value, where)),
  'version currentversion': (component, value, where) => (component.version = integers(value, where)),
};

/** @throws {MemberError} where it describes no device, with the place. */
export function readDevice(value: unknown, where: string): DescribedDevice {
  const device: Members = {};
  // A class may be named after its vendor, so the vendor is read first.
  const inOrder = [...members(value ?? {}, where)].toSorted(([a], [b]) => rank(a) - rank(b));
  for (const [name, member] of inOrder) {
    readerOf(readers, name, 'a known property', where)(device, member, `${where}.${name}`);
  }
  return device;
}

const rank = (name: string): number => (plain(name).startsWith('vendor') ? 0 : 1);

function readerOf<T>(all: Readers<T>, name: string, what: string, where: string) {
  const found = Object.entries(all).find(([names]) => names.split(' ').includes(plain(name)));
  if (found === undefined) throw expected(what, name, where);
  return found[1];
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, '');

/** A UUID, or the domain that it is made of (manifest-37 §8.4.8.2). */
function vendorOf(value: unknown, where: string): Uint8Array {
  const isDomain = typeof value === 'string' && value.includes('.');
  return isDomain ? vendorIdentifier(value) : hexBytes(value, where);
}

function classOf(value: unknown, vendor: Uint8Array | undefined, where: string): Uint8Array {
  const name = textOf(value, where);
  const isHex = unhex(name.replaceAll('-', '')) !== undefined;
  return isHex || vendor === undefined ? hexBytes(value, where) : classIdentifier(vendor, name);
}

/** True or false for all of them, or names as the draft has them: `time-of-day-utc`. */
function readEvents(value: unknown, where: string): boolean | ReadonlySet<string> {
  if (!Array.isArray(value)) return yesOrNo(value, where);
  return new Set(value.map((each: unknown) => plain(textOf(each, where))));
}

/** A list of names, what each holds by name, or the one file that the first component holds. */
function readComponents(value: unknown, where: string): ReadonlyMap<string, ComponentDescription> {
  if (typeof value === 'string') return new Map([['00', { holds: fileOf(value, where) }]]);
  const isList = Array.isArray(value);
  const pairs: readonly (readonly [string, unknown])[] = isList
    ? value.map((name: unknown) => [textOf(name, where), null])
    : [...members(value, where)];
  if (pairs.length > componentsMax) {
    throw expected(`at most ${componentsMax} components`, pairs.length, where);
  }
  const of = ([name, each]: readonly [string, unknown]): ComponentDescription =>
    isList ? unsaid : readComponent(each, `${where}.${name}`);
  return new Map(pairs.map((pair) => [componentKey(pair[0]), of(pair)]));
}

function readComponent(value: unknown, where: string): ComponentDescription {
  if (value === null || typeof value === 'string') return { holds: fileOf(value ?? '', where) };
  const component: ComponentMembers = { holds: { is: 'empty' } };
  for (const [name, member] of members(value, where)) {
    readerOf(componentReaders, name, 'a known property', where)(component, member, where);
  }
  const { sizeBytes, holds, ...rest } = component;
  if (holds.is !== 'digest' || sizeBytes === undefined) return { holds, ...rest };
  return { holds: { ...holds, sizeBytes }, ...rest };
}

const fileOf = (value: unknown, where: string): Holding =>
  value === '' ? { is: 'empty' } : { is: 'file', name: textOf(value, where) };

/** A component's name as `componentName` gives it: parts in hex; a part that is no hex is text. */
export const componentKey = (name: string): string =>
  name
    .split('/')
    .map((part) => /^h'(?<digits>[0-9a-f]*)'$/i.exec(part)?.groups?.['digits'] ?? part)
    .map((part) => unhex(part) ?? new TextEncoder().encode(part))
    .map(hex)
    .join('/');

/**
 * The components of a device that is described without any, all empty: those of the vectors that are derived
 * from the draft.
 */
export const usualComponents: ReadonlyMap<string, ComponentDescription> = new Map(
  ['00', '01', 'app', 'dep'].map((name) => [componentKey(name), unsaid]),
);
