/**
 * The two loops that answer the machine's effects: one for a bootloader, one for whoever waits for a
 * network.
 */

import type { Answer, Effect } from './effect.ts';

/** `yield` = ask the world; the world's reply is what the `yield` gives back. */
export type Run<T> = Generator<Effect, T, Answer>;

/** The synchronous driver: a bootloader's whole loop. */
export function driveSync<T>(run: Run<T>, answer: (effect: Effect) => Answer): T {
  let step = run.next();
  while (!step.done) {
    let reply: Answer;
    try {
      reply = answer(step.value);
    } catch (error) {
      step = run.throw(error);
      continue;
    }
    step = run.next(reply);
  }
  return step.value;
}

/** The driver of an agent, which fetches. */
export async function drive<T>(
  run: Run<T>,
  answer: (effect: Effect) => Answer | Promise<Answer>,
): Promise<T> {
  let step = run.next();
  while (!step.done) {
    let reply: Answer;
    try {
      reply = await answer(step.value);
    } catch (error) {
      step = run.throw(error);
      continue;
    }
    step = run.next(reply);
  }
  return step.value;
}
