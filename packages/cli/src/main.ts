/** The `lapel` command: what every role of RFC 9019 does, as one word each. */

import { Command } from 'commander';
import { addCreate } from './commands/create.ts';
import { addInspect } from './commands/inspect.ts';
import { addKeygen } from './commands/keygen.ts';
import { addPublish } from './commands/publish.ts';
import { addRelease } from './commands/release.ts';
import { addSign } from './commands/sign.ts';
import { addVerify } from './commands/verify.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { failureOf } from './failure.ts';
import { createTerminal } from './terminal.ts';
import { version } from './version.ts';

const terminal = createTerminal({ stdout: process.stdout, stderr: process.stderr, environment: process.env });

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
  .hook('preAction', (_, command) => {
    terminal.quiet = command.optsWithGlobals<{ quiet?: boolean }>().quiet === true;
  })
  .addHelpText(
    'after',
    `
One update, from the image to the fleet:
  lapel keygen author.pem
  lapel create lamp.yaml -o lamp.suit
  lapel sign lamp.suit --key author.pem
  lapel publish lamp.suit --token-file author.token
  lapel release lamp.suit --token-file operator.token
  lapel campaign start --release lamp.suit --key operator.pem --token-file operator.token

${exitCodesHelp}`,
  );

program.commandsGroup('Author:');
addKeygen(program, terminal);
addCreate(program, terminal);
addSign(program, terminal);
addInspect(program, terminal);
addVerify(program, terminal);
addPublish(program, terminal);

program.commandsGroup('Operator:');
addRelease(program, terminal);

pointAtHelp(program, 'lapel');
try {
  await program.parseAsync();
} catch (error) {
  const { message, exitCode } = failureOf(error);
  if (message !== '') terminal.error(message);
  process.exitCode = exitCode;
}

/** Whoever mistypes a command is shown where its own help is, not all of it. */
function pointAtHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(see ${name} --help)`);
  for (const each of command.commands) pointAtHelp(each, `${name} ${each.name()}`);
}
