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
  /** Nobody answers, or who does says no: it is tried again. Told once for each reason. */
  | 'waiting'
  | 'failed'
  /** No operator has signed it, or not for this device, or not now. */
  | 'offer-refused'
  /** No operator has told it for too long which release is the newest. */
  | 'may-be-frozen'
  /** Another processor of the device does not run what it should. */
  | 'out-of-step';

export type OnStep = (step: Step, detail?: string) => void;
