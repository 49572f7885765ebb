/** What a device does, step by step, in words. */

import { componentText } from '@lapel/author';
import type { BootDecision, Step } from '@lapel/device';

export function bootText(decision: BootDecision): string {
  if (decision.boot === 'nothing') return `nothing boots: ${decision.reason}`;
  const [first, ...others] = decision.running;
  const what = decision.isRecovery ? 'the recovery application, sequence number' : 'sequence number';
  const beside = others.map(
    ({ component, sequenceNumber }) => `, ${componentText(component)} ${sequenceNumber}`,
  );
  return `booted ${what} ${first.sequenceNumber}${beside.join('')}: ${decision.reason}`;
}

/** The same, as a script reads it. */
export const bootAsJson = (decision: BootDecision) => ({
  boot: decision.boot,
  reason: decision.reason,
  ...(decision.boot === 'nothing'
    ? {}
    : {
        onTrial: decision.onTrial,
        isRecovery: decision.isRecovery,
        running: decision.running.map(({ component, sequenceNumber: sequence }) => ({
          component: componentText(component),
          sequence,
        })),
      }),
});

export const stepText: Readonly<Record<Step, string>> = {
  'manifest-validated': 'manifest: authentic, and for this device',
  fetching: 'fetching the image',
  'image-verified': 'image: the one that the manifest names',
  staged: 'installed, and not started yet',
  'interruption-announced': 'the application is told how long it will be away',
  restarting: 'restarting into the new firmware, on trial',
  'service-resumed': 'the application is back',
  confirmed: 'confirmed: the new firmware has proved itself',
  reverted: 'reverting: the new firmware has not proved itself',
  reported: 'reported to the tracker, signed',
  failed: 'update refused',
  'offer-refused': 'offer refused',
  'may-be-frozen': 'what the tracker says may be old',
  'out-of-step': 'another processor does not run what it should',
  postponed: 'update put off',
  waiting: 'waiting, and trying again',
};
