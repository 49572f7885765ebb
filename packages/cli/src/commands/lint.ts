/** `lapel lint`: what is wrong with envelopes, from their bytes alone. */

import { printable } from '@lapel/author';
import type { Finding, Severity } from '@lapel/suit/lint';
import { lint } from '@lapel/suit/lint';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readUnproven } from '../files.ts';
import type { ProfileName } from '../profiles.ts';
import { profiles } from '../profiles.ts';
import type { LintedFile } from '../sarif.ts';
import { sarifOf } from '../sarif.ts';
import type { Style, Terminal } from '../terminal.ts';

interface Options {
  readonly profile: ProfileName;
  readonly json?: boolean;
  readonly sarif?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('lint')
    .description(
      'Looks for what devices would refuse or what could harm them, and says how to mend it. ' +
        'Exit code 6 where there is an error.',
    )
    .argument('<envelope...>', 'envelopes, or - for stdin')
    .addOption(
      new Option('--profile <which>', 'what the devices can afford')
        .choices(Object.keys(profiles))
        .default('server'),
    )
    .option('--json', 'print the findings as JSON')
    .addOption(new Option('--sarif', 'print them as SARIF 2.1.0, for code review').conflicts('json'))
    .addHelpText('after', examples)
    .action((files: readonly string[], options: Options) => lintAll(files, options, terminal));
}

const examples = `
Examples:
  lapel lint lamp.suit
  lapel lint lamp.suit --profile class1
  lapel lint releases/*.suit --sarif > lint.sarif`;

async function lintAll(
  files: readonly string[],
  { profile, json, sarif }: Options,
  terminal: Terminal,
): Promise<void> {
  const linted: LintedFile[] = [];
  for (const file of files) {
    linted.push({ file, findings: lint(await readUnproven(file), profiles[profile]) });
  }
  if (json === true) terminal.result(JSON.stringify(linted, null, 2));
  else if (sarif === true) terminal.result(JSON.stringify(sarifOf(linted), null, 2));
  else show(linted, terminal);
  const errors = linted.flatMap(({ findings }) => findings).filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  const found = `${errors.length} error${errors.length === 1 ? '' : 's'}`;
  throw new CommandFailure(exitCodes.refused, `expected no error, found ${found}`);
}

const styles: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow', note: 'cyan' };

function show(linted: readonly LintedFile[], terminal: Terminal): void {
  for (const { file, findings } of linted) {
    // Whoever wants quiet wants to hear of errors only.
    const told = terminal.quiet ? findings.filter(({ severity }) => severity === 'error') : findings;
    for (const each of told) terminal.result(findingText(file, each, terminal));
    if (findings.length === 0 && !terminal.quiet) terminal.result(`${file}: nothing found`);
  }
}

function findingText(file: string, finding: Finding, { paint, wrap }: Terminal): string {
  const { rule, severity, section, message, mend, where } = finding;
  const head = `${file}: ${paint(styles[severity], severity)} ${paint('bold', rule)}`;
  const why = wrap(printable(message), 2);
  return `${head}  ${where}\n  ${why}\n  ${paint('dim', wrap(`${section}: ${mend}`, 2))}`;
}
