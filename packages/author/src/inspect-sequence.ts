/**
 * Command sequences for people: every command, parameter and reporting policy by name (manifest-37
 * §8.4.6 to §8.4.10).
 */

import { Reader, hex, major } from '@lapel/cbor';
import { PayloadFormat, comparisons, reporting, uuidText, versionText } from '@lapel/suit';
import { inspectEncryption } from './inspect-cose.ts';
import type { Part } from './inspection.ts';
import { bytesOf, content, gather, items, one, pairs, shown } from './inspection.ts';
import { commandNames, digestNames, parameterNames } from './inspection-names.ts';

/** What a sequence needs to know of the manifest around it. */
export interface Surroundings {
  /** The manifest's components, as people write them. */
  readonly components: readonly string[];
}

/** As deep as sequences are followed into each other; beyond, diagnostic notation is shown. */
const nestingMax = 16;

/** @param reader over the sequence itself, without the head of its byte string */
export function inspectSequence(
  reader: Reader,
  around: Surroundings,
  depth = 0,
): Pick<Part, 'parts' | 'error'> {
  if (depth > nestingMax)
    return { error: `expected at most ${nestingMax} sequences in each other, found more` };
  const start = reader.at;
  return gather((add) => {
    const count = reader.array();
    for (let left = count; left > 1; left -= 2) {
      const offset = reader.at - start;
      const number = Number(reader.integer());
      const argument = one(reader);
      const name = commandNames.get(number) ?? (number < -256 ? 'custom' : 'unknown');
      add({ name, number, offset, ...describeArgument(number, argument, around, depth) });
    }
    if (count % 2 === 1)
      add({ name: 'unknown', ...shown(one(reader)), error: 'expected an argument, found none' });
    reader.finish();
  });
}

const directive = {
  setComponentIndex: 12,
  tryEach: 15,
  overrideParameters: 20,
  runSequence: 32,
  setParameters: 19,
  overrideMultiple: 34,
  copyParams: 35,
};

function describeArgument(
  number: number,
  argument: Reader,
  around: Surroundings,
  depth: number,
): Omit<Part, 'name' | 'number'> {
  switch (number) {
    case directive.setComponentIndex:
      return componentIndex(argument, around);
    case directive.overrideParameters:
    case directive.setParameters:
      return pairs(argument, (key, value) => inspectParameter(Number(key), value, around));
    case directive.overrideMultiple:
      return pairs(argument, (index, parameters) => ({
        name: typeof index === 'number' ? `component ${index}` : 'unknown',
        ...pairs(parameters, (key, value) => inspectParameter(Number(key), value, around)),
      }));
    case directive.copyParams:
      return pairs(argument, (index, numbers) => ({
        name: typeof index === 'number' ? `component ${index}` : 'unknown',
        ...copied(numbers),
      }));
    case directive.tryEach:
      return items(argument, (each, index) => {
        const name = `alternative ${index + 1}`;
        if (each.peekNull()) return { name, value: 'nil: nothing to do, the command succeeds' };
        return { name, ...nested(each, around, depth) };
      });
    case directive.runSequence:
      return nested(argument, around, depth);
    default:
      return commandNames.get(number)?.includes('(') === false ? policy(argument) : shown(argument);
  }
}

function nested(reader: Reader, around: Surroundings, depth: number): Pick<Part, 'parts' | 'error'> {
  return gathered(() => inspectSequence(content(reader), around, depth + 1));
}

/**
 * What `inspect` finds; that it is not even a byte string is an error of the part, not of what is
 * around it.
 */
function gathered(inspect: () => Pick<Part, 'parts' | 'error'>): Pick<Part, 'parts' | 'error'> {
  let found: Pick<Part, 'parts' | 'error'> = {};
  const failed = gather(() => void (found = inspect()));
  return failed.error === undefined ? found : { error: failed.error };
}

function componentIndex(reader: Reader, { components }: Surroundings): Omit<Part, 'name'> {
  const { value = '', error } = shown(reader);
  if (error !== undefined) return { error };
  if (value === 'true') return { value: 'every component' };
  const named = value.replaceAll(/\d+/g, (index) => {
    const component = components[Number(index)];
    return component === undefined ? `${index} (no such component)` : `${index} (${component})`;
  });
  return { value: named };
}

/** Numbers of parameters, by name. */
function copied(reader: Reader): Pick<Part, 'parts' | 'error'> {
  return items(reader, (each) => {
    const { value = '', error } = shown(each);
    const name = parameterNames.get(Number(value)) ?? 'unknown';
    return error === undefined ? { name, number: Number(value) } : { name, error };
  });
}

export function inspectParameter(number: number, value: Reader, around: Surroundings): Part {
  const name = parameterNames.get(number) ?? (number < 0 ? 'custom' : 'unknown');
  switch (name) {
    case 'vendor-identifier':
    case 'class-identifier':
    case 'device-identifier':
      return { name, number, ...identifier(value) };
    case 'image-digest':
      return { name, number, ...digestText(value) };
    case 'image-size': {
      const { value: size, error } = shown(value);
      return { name, number, ...(error === undefined ? { value: `${size} bytes` } : { error }) };
    }
    case 'use-before': {
      const { value: seconds = '', error } = shown(value);
      return { name, number, ...(error === undefined ? { value: timeText(seconds) } : { error }) };
    }
    case 'minimum-battery': {
      const { value: least, error } = shown(value);
      return { name, number, ...(error === undefined ? { value: `${least} mWh` } : { error }) };
    }
    case 'version':
      return { name, number, ...versionMatch(value) };
    case 'source-component':
      return { name, number, ...componentIndex(value, around) };
    case 'encryption-info':
      return { name, number, ...encryption(value) };
    case 'fetch-arguments':
      return { name, number, ...payloadFormat(value) };
    default:
      return { name, number, ...shown(value) };
  }
}

function identifier(reader: Reader): Omit<Part, 'name'> {
  const { value = '', error } = shown(reader);
  const uuid = /^h'(?<digits>[0-9a-f]{32})'$/.test(value) ? uuidText(bytesOf(content(reader))) : value;
  return error === undefined ? { value: uuid } : { error };
}

/** Seconds since 1970, and the day and time where a calendar has them. */
function timeText(seconds: string): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? seconds : `${seconds} (${date.toISOString().slice(0, 19)}Z)`;
}

const comparisonNames = new Map(Object.entries(comparisons).map(([name, code]) => [code as number, name]));

/** A comparison and a version in a byte string. */
function versionMatch(reader: Reader): Pick<Part, 'value' | 'error'> {
  if (reader.peek() !== major.bstr) return shown(reader);
  const inner = content(reader);
  let value = '';
  const { error } = gather(() => {
    inner.array();
    const code = inner.int();
    const numbers: number[] = [];
    for (let left = inner.array(); left > 0; left--) numbers.push(inner.int());
    value = `${comparisonNames.get(code) ?? `comparison ${code}`} ${versionText(numbers)}`;
    inner.finish();
  });
  return error === undefined ? { value } : { error };
}

/** How a payload is packed; what is of another house is shown as it is. */
function payloadFormat(reader: Reader): Pick<Part, 'value' | 'error'> {
  if (reader.peek() !== major.bstr) return shown(reader);
  const whole = new Reader(reader.bytes, reader.at, reader.end);
  const inner = content(reader);
  let value = '';
  const { error } = gather(() => {
    const { format = 'as it is', sizeBytes, precursor } = PayloadFormat.read(inner);
    inner.finish();
    value = `${format}, ${sizeBytes} bytes`;
    if (precursor === undefined) return;
    value += `, to ${precursor.sizeBytes} bytes with sha-256 ${hex(precursor.digest)}`;
  });
  return error === undefined ? { value } : shown(whole);
}

/** A COSE_Encrypt in a byte string. */
function encryption(reader: Reader): Omit<Part, 'name'> {
  if (reader.peek() !== major.bstr) return shown(reader);
  return inspectEncryption(content(reader));
}

/** A SUIT_Digest in a byte string, as a parameter holds it. */
function digestText(reader: Reader): Omit<Part, 'name'> {
  if (reader.peek() !== major.bstr) return shown(reader);
  return inspectDigest(content(reader));
}

/** SUIT_Digest (§10): algorithm and bytes. */
export function inspectDigest(reader: Reader): Pick<Part, 'value' | 'error'> {
  const whole = new Reader(reader.bytes, reader.at, reader.end);
  let value = '';
  const { error } = gather(() => {
    const count = reader.array();
    const code = reader.int();
    const bytes = reader.bstr();
    value = count === 2 ? `${digestNames.get(code) ?? `algorithm ${code}`} ${hex(bytes)}` : '';
    reader.finish();
  });
  if (error !== undefined) return { error };
  return value === '' ? shown(whole) : { value };
}

/** A reporting policy (§8.4.7) in words. */
function policy(reader: Reader): Omit<Part, 'name'> {
  const { value = '', error } = shown(reader);
  if (error !== undefined) return { error };
  const bits = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!(bits <= 15)) return { value, error: 'expected a reporting policy of four bits, found another' };
  const on = (outcome: string, record: number, sysinfo: number) => {
    const told = [
      (bits & record) === 0 ? '' : 'a record',
      (bits & sysinfo) === 0 ? '' : 'system information',
    ];
    const words = told.filter((each) => each !== '').join(' and ');
    return words === '' ? [] : [`${words} on ${outcome}`];
  };
  const success = on('success', reporting.recordOnSuccess, reporting.sysinfoOnSuccess);
  const failure = on('failure', reporting.recordOnFailure, reporting.sysinfoOnFailure);
  const words = bits === 15 ? 'everything' : [...success, ...failure].join(', ') || 'nothing';
  return { value: `reports ${words} (${bits})` };
}
