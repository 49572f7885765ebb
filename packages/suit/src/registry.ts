/**
 * The SUIT registries (draft-ietf-suit-manifest-37 §11), each kept apart: the same integer means something
 * else in each, and meant something else in older drafts. Names are the registry's without their prefix.
 */

export const envelopeElements = {
  'authentication-wrapper': 2,
  manifest: 3,
  'payload-fetch': 16,
  install: 20,
  text: 23,
  coswid: 14,
  'dependency-resolution': 15,
  'candidate-verification': 18,
} as const;

export const manifestElements = {
  'manifest-version': 1,
  'manifest-sequence-number': 2,
  common: 3,
  'reference-uri': 4,
  validate: 7,
  load: 8,
  invoke: 9,
  'payload-fetch': 16,
  install: 20,
  text: 23,
  'set-version': 6,
  coswid: 14,
  'manifest-component-id': 5,
  'dependency-resolution': 15,
  'candidate-verification': 18,
  uninstall: 24,
} as const;

export const commonElements = { dependencies: 1, components: 2, 'shared-sequence': 4 } as const;

/** Conditions and the directives whose argument is a reporting policy. */
export const policyCommands = {
  'condition-vendor-identifier': 1,
  'condition-class-identifier': 2,
  'condition-image-match': 3,
  'condition-component-slot': 5,
  'condition-check-content': 6,
  'condition-abort': 14,
  'condition-device-identifier': 24,
  'directive-write': 18,
  'directive-fetch': 21,
  'directive-copy': 22,
  'directive-invoke': 23,
  'directive-swap': 31,
  // draft-ietf-suit-update-management-14 §5
  'condition-use-before': 4,
  'condition-image-not-match': 25,
  'condition-minimum-battery': 26,
  'condition-update-authorized': 27,
  'condition-version': 28,
  'directive-wait': 29,
  // draft-ietf-suit-trust-domains-12 §5.6
  'condition-dependency-integrity': 7,
  'condition-is-dependency': 8,
  'directive-process-dependency': 11,
  'directive-unlink': 33,
} as const;
export type PolicyCommandName = keyof typeof policyCommands;

/** Directives with an argument of their own. */
export const argumentCommands = {
  'directive-set-component-index': 12,
  'directive-try-each': 15,
  'directive-override-parameters': 20,
  'directive-run-sequence': 32,
  // draft-ietf-suit-update-management-14 §5
  'directive-override-multiple': 34,
  'directive-copy-params': 35,
  // draft-ietf-suit-trust-domains-12 §5.6.1
  'directive-set-parameters': 19,
} as const;

/**
 * §8.4.11: at this number and above (towards zero) the registry decides; below it, whoever makes the
 * manifest processor.
 */
export const customCommandMax = -257;

/** Reporting policy bits (§8.4.7). */
export const reporting = {
  recordOnSuccess: 1,
  recordOnFailure: 2,
  sysinfoOnSuccess: 4,
  sysinfoOnFailure: 8,
} as const;
export const reportingPolicyMax = 15;
