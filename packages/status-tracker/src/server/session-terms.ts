/** What decides how a device that polls is answered; it lasts as long as its session. */
import type { UpdateMode } from '../protocol.ts';
import type { Statement } from './fleet.ts';
import { lineOf } from './newest-store.ts';

export interface SessionTerms {
  readonly updateMode: UpdateMode;
  readonly mayOverride?: boolean | undefined;
  /** The class whose newest release it wants to hear of: it holds us to what operators have signed. */
  readonly line?: string | undefined;
}

interface Registered {
  readonly updateMode: UpdateMode;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
}

export function termsOf(device: Registered, { terms }: Statement = {}): SessionTerms {
  return {
    updateMode: device.updateMode,
    mayOverride: terms?.mayOverride,
    line: terms?.holdsToOperators === true ? lineOf(device) : undefined,
  };
}

/** Whether the tracker says when its device goes on with an update. */
export const isDecidedHere = ({ updateMode, mayOverride }: SessionTerms): boolean =>
  updateMode !== 'client-initiated' || mayOverride === true;
