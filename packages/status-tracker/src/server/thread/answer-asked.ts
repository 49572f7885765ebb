/** The other side of `ask-thread.ts`: an object, each of whose methods is called as it is asked for. */
import { parentPort } from 'node:worker_threads';
import type { Asked, Opened, Told } from './across.ts';
import { failureOf } from './across.ts';

/** To whoever has started this thread. */
const post = (said: Opened | Told) => parentPort?.postMessage(said);

/** @param open what it throws is thrown where the thread was started. */
export function answerAsked(open: () => object): void {
  try {
    const opened = open();
    parentPort?.on('message', (asked: Asked) => void answer(opened, asked));
    post({ methods: Object.keys(opened) });
  } catch (error) {
    post({ failure: failureOf(error) });
  }
}

async function answer(opened: object, { id, method, given }: Asked): Promise<void> {
  try {
    const act = (opened as Record<string, (...values: readonly unknown[]) => Promise<unknown>>)[method];
    post({ id, value: await act?.(...given) });
  } catch (error) {
    post({ id, failure: failureOf(error) });
  }
  if (method === 'close') parentPort?.close();
}
