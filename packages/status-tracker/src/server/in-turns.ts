/**
 * What comes while a turn is under way waits, and is asked, proved or written with the next, as one batch:
 * what a turn costs (a commit, a message to a thread) is shared.
 */
/** The most that one turn takes. */
const turnMax = 500;

export function inTurns<T, R>(act: (batch: readonly T[]) => Promise<readonly R[]>): (value: T) => Promise<R> {
  interface Waiting {
    readonly value: T;
    readonly resolve: (result: R) => void;
    readonly reject: (error: unknown) => void;
  }
  let queue: Waiting[] = [];
  let isUnderWay = false;

  async function drain(): Promise<void> {
    isUnderWay = true;
    while (queue.length > 0) {
      const turn = queue.slice(0, turnMax);
      queue = queue.slice(turnMax);
      try {
        const results = await act(turn.map(({ value }) => value));
        turn.forEach(({ resolve }, index) => resolve(results[index] as R));
      } catch (error) {
        for (const { reject } of turn) reject(error);
      }
    }
    isUnderWay = false;
  }

  return (value) =>
    new Promise((resolve, reject) => {
      queue.push({ value, resolve, reject });
      if (!isUnderWay) void drain();
    });
}
