/** A description to begin with, in a file of its own that was not there before. */

import { dirname, join } from 'node:path';
import { stat } from 'node:fs/promises';
import type { StartingAnswers, TemplateName } from '@lapel/author';
import { filesOfTemplate, parseDescription, schemaFileName, startingDescription } from '@lapel/author';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { replaceFile } from './files.ts';
import type { Terminal } from './terminal.ts';

export interface Beginning {
  readonly template: TemplateName;
  readonly answers: StartingAnswers;
  readonly out: string;
  readonly json: boolean;
}

/** @throws {CommandFailure} where the file is there already: a person may have worked on it. */
export async function beginDescription(beginning: Beginning, terminal: Terminal): Promise<void> {
  const { template, answers, out, json } = beginning;
  if (await exists(out)) {
    throw new CommandFailure(exitCodes.conflict, `expected ${out} not to exist yet, found it there`);
  }
  const text = startingDescription(template, answers);
  // An answer that no description can hold is refused here, not at the next command.
  parseDescription(text, out);
  await replaceFile(out, new TextEncoder().encode(text));
  const needs = filesOfTemplate(template, answers);
  if (json) return terminal.result(JSON.stringify({ file: out, template, needs }));
  if (terminal.quiet) return terminal.result(out);
  const missing: string[] = [];
  for (const path of needs) if (!(await exists(join(dirname(out), path)))) missing.push(path);
  terminal.facts([
    ['description', out],
    ['template', template],
    ...needs.map((path) => ['needs', missing.includes(path) ? `${path}, not there yet` : path] as const),
  ]);
  terminal.note(`\nNext: lapel create ${out}`);
  terminal.note(`For your editor: lapel create --schema -o ${join(dirname(out), schemaFileName)}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code)))
      return false;
    throw error;
  }
}
