/** Notes what passes between parties, in order: the arrows of a message sequence chart. */

import type { Body, Handler, Request, Response } from '@lapel/transport';

export interface MessageTrace {
  readonly arrows: readonly string[];
  /** Something that one party does by itself. */
  step(party: string, what: string): void;
  message(from: string, to: string, what: string): void;
  /** A Handler whose exchanges are noted as `describe` puts them; undefined keeps them out. */
  between(from: string, to: string, upstream: Handler, describe: Describe): Handler;
}

export type Describe = (
  request: Request,
) => { readonly ask?: string; readonly answer: (response: Response) => string | undefined } | undefined;

export function messageTrace(): MessageTrace {
  const arrows: string[] = [];
  const message = (from: string, to: string, what: string) => void arrows.push(`${from} → ${to}: ${what}`);
  return {
    arrows,
    step: (party, what) => void arrows.push(`${party}: ${what}`),
    message,
    between: (from, to, upstream, describe) => async (request) => {
      const words = describe(request);
      if (words?.ask !== undefined) message(from, to, words.ask);
      const response = await upstream(request);
      const answer = words?.answer(response);
      if (answer === undefined) return response;
      // An answer has been given when its last byte has.
      return { ...response, body: followed(response.body, () => message(to, from, answer)) };
    },
  };
}

async function* followed(body: Body, then: () => void): AsyncGenerator<Uint8Array> {
  yield* body;
  then();
}
