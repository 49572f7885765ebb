/** The `lapel` command: what every role of RFC 9019 does, as one word each. */

import { Command, CommanderError } from 'commander';
import { addCommands } from './commands.ts';
import { exitCodesHelp } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

// Whoever reads the output may have had enough of it: `lapel inspect … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const program = new Command('lapel')
  .description('Secure firmware updates for small devices, after IETF SUIT (RFC 9019).')
  .version(version, '-V, --version', 'print the version')
  .option('-q, --quiet', 'print nothing but errors and what was asked for')
  .helpOption('-h, --help', 'show help')
  .helpCommand('help [command]', 'show help for a command')
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({
    outputError: (text, write) => write(text.replace(/^error:/, 'lapel:')),
  })
  .exitOverride()
  .addHelpText(
    'after',
    `
One update, from the image to the fleet:
  lapel keygen author.pem
  lapel init -o lamp.yaml
  lapel create lamp.yaml -o lamp.suit
  lapel sign lamp.suit --key author.pem
  lapel lint lamp.suit
  lapel simulate lamp.suit --device lamp.json --trust author.pub.pem      its --help has a lamp.json
  lapel keygen operator.pem
  lapel serve --author author.pub.pem --operator operator.pub.pem &
  lapel publish lamp.suit --token-file data/tokens/author.token
  lapel release lamp.suit --token-file data/tokens/operator.token
  lapel campaign start --release lamp.suit --key operator.pem --token-file data/tokens/operator.token

${exitCodesHelp}`,
  );

try {
  const asked = process.argv.slice(2).find((word) => !word.startsWith('-'));
  await addCommands(program, asked, openTerminal);
  pointAtHelp(program, 'lapel');
  await program.parseAsync();
} catch (error) {
  // Help that was asked for is no failure, and who reads it does not wait for what tells of failures.
  if (!(error instanceof CommanderError && error.exitCode === 0)) await tellFailure(error);
}

async function tellFailure(error: unknown): Promise<void> {
  const [{ failureOf }, terminal] = await Promise.all([import('./failure-of.ts'), openTerminal()]);
  const { message, exitCode } = failureOf(error);
  if (message !== '') terminal.error(message);
  process.exitCode = exitCode;
}

/** Loaded where something is to be said: whoever only wants help does not wait for it. */
async function openTerminal(): Promise<Terminal> {
  const { createTerminal } = await import('./terminal.ts');
  const terminal = createTerminal({
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
  });
  program.hook('preAction', (_, command) => {
    terminal.quiet = command.optsWithGlobals<{ quiet?: boolean }>().quiet === true;
  });
  return terminal;
}

/** Whoever mistypes a command is shown where its own help is, not all of it. */
function pointAtHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(see ${name} --help)`);
  for (const each of command.commands) pointAtHelp(each, `${name} ${each.name()}`);
}
