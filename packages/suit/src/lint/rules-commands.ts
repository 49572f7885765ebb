/** Rules about commands and their order. */

import { rule } from './rule.ts';

export const commandRules = {
  'unknown-command': rule(
    'error',
    'manifest-37 §8.4.6',
    'commands are known ones',
    'take the command out, or use one that devices know',
  ),
  'custom-command': rule(
    'warning',
    'manifest-37 §8.4.11',
    'commands are registered ones',
    'use it only for devices whose manifest processor has it',
  ),
  'unknown-parameter': rule(
    'error',
    'manifest-37 §8.4.8',
    'parameters are known ones',
    'take the parameter out, or use one that devices know',
  ),
  'soft-failure-outside': rule(
    'error',
    'manifest-37 §8.4.8.15',
    'soft-failure stands inside try-each or run-sequence',
    'move it into the sequence that may fail',
  ),
  'parameter-before-set': rule(
    'error',
    'manifest-37 §7',
    'what a command consumes is set before it',
    'set the parameter before the command, in each procedure that runs it',
  ),
  'invocation-parameter': rule(
    'warning',
    'manifest-37 §7',
    'what a command consumes when the device starts is set in the sequences that run then',
    'set the parameter in the shared sequence, or in validate, load or invoke',
  ),
  'parameter-unused': rule(
    'note',
    'manifest-37 §7',
    'what is set is used',
    'take the parameter out, or add the command that it is for',
  ),
  'digest-not-overridden': rule(
    'error',
    'manifest-37 §7',
    'a digest is set with override-parameters',
    'use directive-override-parameters in place of set-parameters',
  ),
  'image-digest': rule(
    'error',
    'manifest-37 §7.3',
    'what is fetched has a digest',
    'set image-digest for the component',
  ),
  'image-size': rule(
    'warning',
    'manifest-37 §8.4.8.7',
    'an image with a digest has a size, so that devices know before they fetch',
    'set image-size beside image-digest',
  ),
  'image-unverified': rule(
    'warning',
    'manifest-37 §7.3',
    'what is fetched is compared with its digest',
    'add condition-image-match behind the fetch',
  ),
  'invoke-unverified': rule(
    'warning',
    'manifest-37 §7.2',
    'what is invoked is compared with its digest before',
    'add condition-image-match to validate',
  ),
  'validate-missing': rule(
    'warning',
    'manifest-37 §8.4.6',
    'an update can be validated',
    'add validate with condition-image-match',
  ),
  unreachable: rule(
    'warning',
    'manifest-37 §6.4',
    'every command can be reached',
    'take out what is never reached, or put a condition before it',
  ),
  'nothing-to-do': rule(
    'error',
    'manifest-37 §8.4.6',
    'a manifest has a sequence beside the shared one',
    'add install, validate or invoke',
  ),
  'source-component': rule(
    'error',
    'manifest-37 §8.4.10.5',
    'a source is another component of the manifest',
    'set source-component to the index of another listed component',
  ),
  'dependency-unprocessed': rule(
    'error',
    'trust-domains-12 §5.1',
    'a dependency is processed',
    'add directive-process-dependency for it',
  ),
} as const;
