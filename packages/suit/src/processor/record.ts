/**
 * SUIT_Record (draft-ietf-suit-report-19 §4): where in which sequence a command stood, and what it went by.
 */

import type { ParameterName, Parameters } from '../manifest.ts';
import type { PolicyCommandName } from '../registry.ts';

export interface SuitRecord {
  /** Path of component indices to the manifest among its dependencies; empty for the root manifest. */
  readonly manifestId: readonly number[];
  /** Number of the section in the manifest. */
  readonly section: number;
  /** Byte offset of the command in the section. */
  readonly offset: number;
  readonly component: number;
  /** The parameters that the command consumed. */
  readonly properties: Parameters;
}

/** What each command consumes (§6.4). */
const consumed: Readonly<Record<PolicyCommandName, readonly ParameterName[]>> = {
  'condition-vendor-identifier': ['vendorIdentifier'],
  'condition-class-identifier': ['classIdentifier'],
  'condition-device-identifier': ['deviceIdentifier'],
  'condition-image-match': ['imageDigest', 'imageSize'],
  'condition-component-slot': ['componentSlot'],
  'condition-check-content': ['content'],
  'condition-abort': [],
  'condition-use-before': ['useBefore'],
  'condition-image-not-match': ['imageDigest'],
  'condition-minimum-battery': ['minimumBattery'],
  'condition-update-authorized': ['updatePriority'],
  'condition-version': ['version'],
  'directive-wait': ['waitInfo'],
  'condition-dependency-integrity': ['imageDigest'],
  'condition-is-dependency': [],
  'directive-process-dependency': [],
  'directive-unlink': [],
  'directive-write': ['content', 'encryptionInfo', 'componentMetadata'],
  'directive-fetch': ['uri', 'fetchArguments', 'componentMetadata'],
  'directive-copy': ['sourceComponent', 'encryptionInfo', 'componentMetadata'],
  'directive-swap': ['sourceComponent'],
  'directive-invoke': ['invokeArguments'],
};

/** Where the machine is, and what the command there goes by, once that is known. */
export interface Place extends Omit<SuitRecord, 'properties'> {
  command: PolicyCommandName | undefined;
  parameters: Parameters;
  /** Whether the component holds an envelope, which a fetch decrypts. */
  isDependency: boolean;
}

/** Made only where somebody asks for it: most commands leave no record. */
export function recordOf(place: Place): SuitRecord {
  const { manifestId, section, offset, component } = place;
  return { manifestId, section, offset, component, properties: consumedAt(place) };
}

function consumedAt({ command, parameters, isDependency }: Place): Parameters {
  if (command === undefined) return {};
  const properties: Record<string, unknown> = {};
  const decrypts = command === 'directive-fetch' && isDependency;
  for (const name of decrypts ? [...consumed[command], 'encryptionInfo' as const] : consumed[command]) {
    if (parameters[name] !== undefined) properties[name] = parameters[name];
  }
  return properties;
}
