/** The steps of an update as they happen (the arrows of RFC 9019 §9), for whoever watches a device. */

export type Step =
  | 'manifest-validated'
  | 'fetching'
  | 'image-verified'
  | 'staged'
  | 'interruption-announced'
  | 'service-resumed'
  | 'restarting'
  | 'confirmed'
  | 'reverted'
  | 'reported'
  | 'postponed'
  | 'failed'
  /** Another processor of the device does not run what it should. */
  | 'out-of-step';

export type OnStep = (step: Step, detail?: string) => void;
