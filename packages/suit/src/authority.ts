/**
 * draft-ietf-suit-manifest-37 §9: a signer changes and invokes its own components only. Held against every
 * command before the first one runs, so that nothing is fetched for a manifest that goes too far.
 */

import { read, UnknownKeyError } from '@lapel/cbor';
import type { AuthenticManifest } from './authenticate.ts';
import type { Limits } from './limits.ts';
import type { ParameterName } from './manifest.ts';
import { Parameters, parameterNames } from './manifest.ts';
import { SuitError } from './reason.ts';
import type { Command } from './sequence.ts';
import type { Slot } from './trust-domains.ts';
import { isPermitted } from './trust-domains.ts';
import { commandsIn } from './walk.ts';

const changing: ReadonlySet<Command['name']> = new Set([
  'directive-write',
  'directive-fetch',
  'directive-copy',
  'directive-swap',
  'directive-invoke',
  'directive-unlink',
] as const);

/**
 * What anybody may say of a component: where to look for its payload, and which device it must be. Nothing
 * else, as parameters outlive the manifest that sets them (trust-domains §5.4): a digest set from below
 * would decide what another signer's image must be.
 */
const harmless: ReadonlySet<ParameterName> = new Set([
  'uri',
  'fetchArguments',
  'vendorIdentifier',
  'classIdentifier',
  'deviceIdentifier',
  'softFailure',
  'strictOrder',
] as const);

/** @throws {SuitError} stage `setup`, reason `component-unauthorised`. */
export function requireAuthority(
  authentic: AuthenticManifest,
  slots: readonly Slot[],
  { nestingDepth }: Limits,
): void {
  const { permissions } = authentic.anchor;
  const foreign = new Set<number>();
  slots.forEach(({ component }, index) => {
    if (!isPermitted(component, permissions)) foreign.add(index);
  });
  if (foreign.size === 0) return;
  commandsIn(authentic, slots.length, nestingDepth, ({ components, command }) => {
    const told = wants(command);
    if (told === undefined) return;
    const reached =
      command.name === 'directive-override-multiple' ? command.byIndex.map(([index]) => index) : components;
    const index = reached.find((each) => foreign.has(each));
    if (index === undefined) return;
    const found = `expected components of its signer's own, found ${told} of component ${index}`;
    throw new SuitError('setup', 'component-unauthorised', found);
  });
}

/** What a command does to its components that only their own signer may, or undefined. */
function wants(command: Command): string | undefined {
  if (changing.has(command.name)) return command.name;
  const named = parametersIn(command).find((name) => !harmless.has(name));
  return named === undefined ? undefined : `a new ${named}`;
}

function parametersIn(command: Command): readonly ParameterName[] {
  switch (command.name) {
    case 'directive-override-parameters':
    case 'directive-set-parameters':
      return namesIn(command.parameters);
    case 'directive-override-multiple':
      return command.byIndex.flatMap(([, parameters]) => namesIn(parameters));
    case 'directive-copy-params':
      return command.from.flatMap(([, numbers]) =>
        numbers.flatMap((number) => parameterNames.get(number) ?? []),
      );
    default:
      return [];
  }
}

/** A parameter that nobody here knows fails the command when it runs, and changes nothing. */
function namesIn(encoded: Uint8Array): readonly ParameterName[] {
  try {
    return Object.keys(read(Parameters, encoded)) as ParameterName[];
  } catch (error) {
    if (error instanceof UnknownKeyError) return [];
    throw error;
  }
}
