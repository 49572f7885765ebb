/** The `lapel` command: what every role of RFC 9019 does, as one word each. */

import { Command } from 'commander';
import { exitCodesHelp } from './exit-codes.ts';
import { failureOf } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { createTerminal } from './terminal.ts';
import { version } from './version.ts';

const terminal = createTerminal({ stdout: process.stdout, stderr: process.stderr, environment: process.env });

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
  .hook('preAction', (_, command) => {
    terminal.quiet = command.optsWithGlobals<{ quiet?: boolean }>().quiet === true;
  })
  .addHelpText(
    'after',
    `
One update, from the image to the fleet:
  lapel keygen author.pem
  lapel init -o lamp.yaml
  lapel create lamp.yaml -o lamp.suit
  lapel sign lamp.suit --key author.pem
  lapel publish lamp.suit --token-file author.token
  lapel release lamp.suit --token-file operator.token
  lapel campaign start --release lamp.suit --key operator.pem --token-file operator.token

${exitCodesHelp}`,
  );

/** It is made of all the others. */
const completion = 'completion';

type AddCommand = (program: Command, terminal: Terminal) => void;

/** In the order of the help. Only what is asked for is loaded: most commands need no server. */
const commands: readonly (readonly [group: string, name: string, load: () => Promise<AddCommand>])[] = [
  ['Author:', 'keygen', async () => (await import('./commands/keygen.ts')).addKeygen],
  ['Author:', 'init', async () => (await import('./commands/init.ts')).addInit],
  ['Author:', 'create', async () => (await import('./commands/create.ts')).addCreate],
  ['Author:', 'sign', async () => (await import('./commands/sign.ts')).addSign],
  ['Author:', 'mac', async () => (await import('./commands/mac.ts')).addMac],
  ['Author:', 'encrypt', async () => (await import('./commands/encrypt.ts')).addEncrypt],
  ['Author:', 'sever', async () => (await import('./commands/edit.ts')).addSever],
  ['Author:', 'add-payload', async () => (await import('./commands/edit.ts')).addAddPayload],
  ['Author:', 'add-dependency', async () => (await import('./commands/edit.ts')).addAddDependency],
  ['Author:', 'inspect', async () => (await import('./commands/inspect.ts')).addInspect],
  ['Author:', 'verify', async () => (await import('./commands/verify.ts')).addVerify],
  ['Author:', 'lint', async () => (await import('./commands/lint.ts')).addLint],
  ['Author:', 'simulate', async () => (await import('./commands/simulate.ts')).addSimulate],
  ['Author:', 'debug', async () => (await import('./commands/debug.ts')).addDebug],
  ['Author:', 'diff', async () => (await import('./commands/diff.ts')).addDiff],
  ['Author:', 'trust', async () => (await import('./commands/trust.ts')).addTrust],
  ['Author:', 'publish', async () => (await import('./commands/publish.ts')).addPublish],
  ['Operator:', 'release', async () => (await import('./commands/release.ts')).addRelease],
  ['Operator:', 'campaign', async () => (await import('./commands/campaign.ts')).addCampaign],
  ['Operator:', 'report', async () => (await import('./commands/report.ts')).addReport],
  ['Operator:', 'devices', async () => (await import('./commands/devices.ts')).addDevices],
  ['Servers and devices:', 'serve', async () => (await import('./commands/serve.ts')).addServe],
  ['Servers and devices:', 'device', async () => (await import('./commands/device.ts')).addDevice],
  ['Shell:', completion, async () => (await import('./commands/completion.ts')).addCompletion],
];

try {
  await addCommands(process.argv.slice(2).find((word) => !word.startsWith('-')));
  pointAtHelp(program, 'lapel');
  await program.parseAsync();
} catch (error) {
  const { message, exitCode } = failureOf(error);
  if (message !== '') terminal.error(message);
  process.exitCode = exitCode;
}

/**
 * @param asked the first word that is no option: the one command that it names is enough, for anything
 * else all are needed
 */
async function addCommands(asked: string | undefined): Promise<void> {
  const named = commands.filter(([, name]) => name === asked && name !== completion);
  for (const [group, , load] of named.length > 0 ? named : commands) {
    program.commandsGroup(group);
    (await load())(program, terminal);
  }
}

/** Whoever mistypes a command is shown where its own help is, not all of it. */
function pointAtHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(see ${name} --help)`);
  for (const each of command.commands) pointAtHelp(each, `${name} ${each.name()}`);
}
