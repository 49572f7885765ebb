/** Questions to a person at a terminal, one line each. */

import { createInterface } from 'node:readline';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

export interface Question {
  readonly asks: string;
  /** Told before it is asked, and not again. */
  readonly before?: string;
  /** What an empty answer means; without it there must be one. */
  readonly usual?: string;
  /** What is wrong with an answer, or undefined. */
  readonly refusal?: (answer: string) => string | undefined;
}

export interface Person {
  ask(question: Question): Promise<string>;
  /** No question comes any more. */
  leave(): void;
}

/** Whoever answers so often what can't be is no person. */
const attemptsMax = 5;
const answerLengthMax = 4096;

interface Line {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Lines that a person typed ahead of the questions. */
const aheadMax = 64;

/** @param interrupt called where the person wants to stop the command, not to answer */
export function atTerminal({ input, output }: Line, interrupt: () => void): Person {
  const line = createInterface({ input, output, terminal: true });
  const ahead: string[] = [];
  let [isGone, wake] = [false, () => {}];
  line.on('line', (answer) => {
    if (ahead.length < aheadMax) ahead.push(answer);
    wake();
  });
  line.once('close', () => {
    isGone = true;
    wake();
  });
  line.once('SIGINT', () => {
    line.close();
    output.write('\n');
    interrupt();
  });
  const answerTo = async (prompt: string): Promise<string> => {
    if (!isGone) {
      line.setPrompt(prompt);
      line.prompt();
    }
    if (ahead.length === 0 && !isGone) await new Promise<void>((resolve) => (wake = resolve));
    const answer = ahead.shift();
    if (answer !== undefined) return answer.trim();
    throw new CommandFailure(
      exitCodes.failed,
      'expected an answer, found the end of them; nothing was written',
    );
  };
  return {
    async ask({ asks, before = '', usual, refusal = () => undefined }) {
      output.write(before);
      const prompt = usual === undefined ? `${asks}: ` : `${asks} (${usual}): `;
      for (let left = attemptsMax; left > 0; left--) {
        const given = await answerTo(prompt);
        const answer = given === '' ? (usual ?? '') : given;
        const problem = answer === '' ? 'expected an answer, found none' : complaint(answer, refusal);
        if (problem === undefined) return answer;
        output.write(`  ${problem}\n`);
      }
      throw new CommandFailure(exitCodes.failed, `expected an answer in ${attemptsMax} attempts, found none`);
    },
    leave: () => line.close(),
  };
}

function complaint(answer: string, refusal: (answer: string) => string | undefined): string | undefined {
  if (answer.length <= answerLengthMax) return refusal(answer);
  return `expected at most ${answerLengthMax} characters, found ${answer.length}`;
}
