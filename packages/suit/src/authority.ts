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
import { permissionsOf } from './trust-anchor.ts';
import type { Slot } from './trust-domains.ts';
import { actingDirectives, isPermitted } from './trust-domains.ts';
import { commandsIn } from './walk.ts';

const acting: ReadonlySet<Command['name']> = new Set(actingDirectives);

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
  const permissions = permissionsOf(authentic.anchors);
  const foreign = new Set<number>();
  slots.forEach(({ component }, index) => {
    if (!isPermitted(component, permissions)) foreign.add(index);
  });
  const denied = new Set<Command['name']>(
    actingDirectives.filter((each) => permissions.some((of) => of.directives?.includes(each) === false)),
  );
  if (foreign.size === 0 && denied.size === 0) return;
  commandsIn(authentic, slots.length, nestingDepth, ({ components, command }) => {
    const told = wants(command);
    if (told === undefined) return;
    const reached =
      command.name === 'directive-override-multiple' ? command.byIndex.map(([index]) => index) : components;
    const index = reached.find((each) => foreign.has(each));
    if (index !== undefined) {
      const found = `expected components of its signer's own, found ${told} of component ${index}`;
      throw new SuitError('setup', 'component-unauthorised', found);
    }
    if (denied.has(command.name) && reached.length > 0) {
      const found = `expected directives that its signer may use, found ${told} of component ${reached[0]}`;
      throw new SuitError('setup', 'component-unauthorised', found);
    }
  });
}

/** What a command does to its components that only their own signer may, or undefined. */
function wants(command: Command): string | undefined {
  if (acting.has(command.name)) return command.name;
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
