/** Proofs in a thread of its own, which starts when the first is asked for. */
import { inTurns } from '../in-turns.ts';
import type { Proofs } from '../proofs.ts';
import type { Failure } from './across.ts';
import { errorOf } from './across.ts';
import type { AskedThread } from './ask-thread.ts';
import { startThread } from './ask-thread.ts';
import type { ToProve } from './proof-thread.ts';

export interface ThreadOfProofs extends Proofs {
  close(): Promise<void>;
}

export function proveInThread(): ThreadOfProofs {
  let starting: Promise<AskedThread> | undefined;
  const endOf = inTurns<ToProve, Failure | undefined>(async (batch) => {
    const thread = await (starting ??= startThread('proof-thread'));
    return (await thread.ask('proveAll', [batch])) as readonly (Failure | undefined)[];
  });
  return {
    async prove(...toProve) {
      const failure = await endOf(toProve);
      if (failure !== undefined) throw errorOf(failure);
    },
    close: async () => (await starting)?.end(),
  };
}
