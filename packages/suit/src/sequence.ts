/**
 * SUIT_Command_Sequence (draft-ietf-suit-manifest-37 §8.4.6): pairs of command and argument, read one by
 * one with offsets.
 */

import type { Item, Schema } from '@lapel/cbor';
import { CborError, Reader, Writer, array, bstr, either, item, major, nil } from '@lapel/cbor';
import type { ByIndex } from './by-index.ts';
import { ComponentIndex } from './manifest.ts';
import type { PolicyCommandName } from './registry.ts';
import { argumentCommands, customCommandMax, policyCommands, reportingPolicyMax } from './registry.ts';
import { CopyParameters, OverrideMultiple } from './update-management.ts';

/**
 * A sequence inside an argument: still bytes, read when it runs, so that nesting costs nothing before its
 * limit is checked.
 */
export type EncodedSequence = Uint8Array;

export type Command =
  | { readonly name: PolicyCommandName; readonly policy: number }
  | { readonly name: 'directive-set-component-index'; readonly index: ComponentIndex }
  /** An encoded Parameters map: an unknown parameter fails the command that sets it, not the manifest. */
  | { readonly name: 'directive-override-parameters'; readonly parameters: Uint8Array }
  | { readonly name: 'directive-set-parameters'; readonly parameters: Uint8Array }
  /** The same for several components at once, by index. */
  | { readonly name: 'directive-override-multiple'; readonly byIndex: ByIndex<Uint8Array> }
  /** Numbers of parameters, by the index of the component that they are taken from. */
  | { readonly name: 'directive-copy-params'; readonly from: ByIndex<readonly number[]> }
  /** A nil among the sequences succeeds at once. */
  | { readonly name: 'directive-try-each'; readonly sequences: readonly (EncodedSequence | null)[] }
  | { readonly name: 'directive-run-sequence'; readonly sequence: EncodedSequence }
  /** §8.4.11: private to whoever made the manifest processor. */
  | { readonly name: 'custom'; readonly code: number; readonly argument: Item }
  | { readonly name: 'unknown'; readonly code: number; readonly argument: Item };

export interface Located {
  readonly command: Command;
  /** Byte offset of the command in its sequence, for records (suit-report §4). */
  readonly offset: number;
}

const alternativesMax = 16;
const alternatives = array(
  either<Uint8Array, null>(
    (r) => !r.peekNull(),
    bstr,
    nil,
    (value): value is Uint8Array => value !== null,
  ),
  { min: 2, max: alternativesMax },
);

const policyNames = new Map(
  Object.entries(policyCommands).map(([name, code]) => [code as number, name as PolicyCommandName]),
);

/** @throws {CborError} where the bytes are no sequence of one or more commands. */
export function readSequence(encoded: EncodedSequence): readonly Located[] {
  const reader = new Reader(encoded);
  const count = reader.array();
  if (count === 0 || count % 2 !== 0) {
    throw new CborError(`expected pairs of command and argument, found ${count} items`, 0);
  }
  const commands: Located[] = [];
  for (let left = count; left > 0; left -= 2) {
    const offset = reader.at;
    commands.push({ offset, command: readCommand(reader, reader.int()) });
  }
  reader.finish();
  return commands;
}

export function writeSequence(commands: readonly Command[]): EncodedSequence {
  const writer = new Writer();
  writer.head(major.array, commands.length * 2);
  for (const command of commands) writeCommand(writer, command);
  return writer.finish();
}

function readCommand(reader: Reader, code: number): Command {
  const policyName = policyNames.get(code);
  if (policyName !== undefined) return { name: policyName, policy: readPolicy(reader) };
  switch (code) {
    case argumentCommands['directive-set-component-index']:
      return { name: 'directive-set-component-index', index: ComponentIndex.read(reader) };
    case argumentCommands['directive-override-parameters']:
      return { name: 'directive-override-parameters', parameters: readMap(reader) };
    case argumentCommands['directive-set-parameters']:
      return { name: 'directive-set-parameters', parameters: readMap(reader) };
    case argumentCommands['directive-override-multiple']:
      return { name: 'directive-override-multiple', byIndex: OverrideMultiple.read(reader) };
    case argumentCommands['directive-copy-params']:
      return { name: 'directive-copy-params', from: CopyParameters.read(reader) };
    case argumentCommands['directive-try-each']:
      return { name: 'directive-try-each', sequences: readAlternatives(reader) };
    case argumentCommands['directive-run-sequence']:
      return { name: 'directive-run-sequence', sequence: reader.bstr() };
    default:
      return { name: code <= customCommandMax ? 'custom' : 'unknown', code, argument: item.read(reader) };
  }
}

function writeCommand(writer: Writer, command: Command): void {
  switch (command.name) {
    case 'directive-set-component-index':
      return argument(writer, argumentCommands[command.name], ComponentIndex, command.index);
    case 'directive-override-parameters':
    case 'directive-set-parameters':
      writer.int(argumentCommands[command.name]);
      return writer.raw(command.parameters);
    case 'directive-override-multiple':
      return argument(writer, argumentCommands[command.name], OverrideMultiple, command.byIndex);
    case 'directive-copy-params':
      return argument(writer, argumentCommands[command.name], CopyParameters, command.from);
    case 'directive-try-each':
      return argument(writer, argumentCommands[command.name], alternatives, command.sequences);
    case 'directive-run-sequence':
      return argument(writer, argumentCommands[command.name], bstr, command.sequence);
    case 'custom':
    case 'unknown':
      return argument(writer, command.code, item, command.argument);
    default:
      writer.int(policyCommands[command.name]);
      return writer.int(command.policy);
  }
}

function argument<T>(writer: Writer, code: number, schema: Schema<T>, value: T): void {
  writer.int(code);
  schema.write(writer, value);
}

function readPolicy(reader: Reader): number {
  const start = reader.at;
  const policy = reader.uint();
  if (policy > reportingPolicyMax) {
    throw new CborError(`expected a reporting policy of four bits, found ${policy}`, start);
  }
  return policy;
}

/** SUIT_Parameters are one or more. */
function readMap(reader: Reader): Uint8Array {
  const start = reader.at;
  if (reader.map() === 0) throw new CborError('expected one or more parameters, found none', start);
  reader.at = start;
  return reader.slice();
}

/** The CDDL wants two sequences or more, of which only the last may be nil. */
function readAlternatives(reader: Reader): readonly (EncodedSequence | null)[] {
  const start = reader.at;
  const sequences = alternatives.read(reader);
  if (sequences.slice(0, -1).includes(null))
    throw new CborError('expected nil only at the end of try-each, found it before', start);
  return sequences;
}
