/** The `lapel` command: what every role of RFC 9019 does, as one word each. */

import { Command, CommanderError } from 'commander';
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
  lapel publish lamp.suit --token-file author.token
  lapel release lamp.suit --token-file operator.token
  lapel campaign start --release lamp.suit --key operator.pem --token-file operator.token

${exitCodesHelp}`,
  );

/** It is made of all the others. */
const completion = 'completion';

type AddCommand = (program: Command, terminal: Terminal) => void;
type Row = readonly [group: string, name: string, summary: string, load: () => Promise<AddCommand>];

/** In the order of the help. Only what is asked for is loaded: most commands need no server. */
const commands: readonly Row[] = [
  ['Author:', 'keygen', 'make a key pair', async () => (await import('./commands/keygen.ts')).addKeygen],
  [
    'Author:',
    'init',
    'ask for what a first description needs',
    async () => (await import('./commands/init.ts')).addInit,
  ],
  [
    'Author:',
    'create',
    'make an envelope from a description',
    async () => (await import('./commands/create.ts')).addCreate,
  ],
  ['Author:', 'sign', 'sign an envelope', async () => (await import('./commands/sign.ts')).addSign],
  [
    'Author:',
    'mac',
    'authenticate an envelope with a shared secret',
    async () => (await import('./commands/mac.ts')).addMac,
  ],
  [
    'Author:',
    'encrypt',
    'encrypt a payload for devices',
    async () => (await import('./commands/encrypt.ts')).addEncrypt,
  ],
  [
    'Author:',
    'sever',
    'cut severable elements off an envelope',
    async () => (await import('./commands/edit.ts')).addSever,
  ],
  [
    'Author:',
    'add-payload',
    'put a payload into an envelope',
    async () => (await import('./commands/edit.ts')).addAddPayload,
  ],
  [
    'Author:',
    'add-dependency',
    'put the envelope of a dependency into an envelope',
    async () => (await import('./commands/edit.ts')).addAddDependency,
  ],
  [
    'Author:',
    'inspect',
    'show everything that an envelope holds',
    async () => (await import('./commands/inspect.ts')).addInspect,
  ],
  [
    'Author:',
    'verify',
    'check the signatures and the digests of an envelope',
    async () => (await import('./commands/verify.ts')).addVerify,
  ],
  [
    'Author:',
    'lint',
    'find what is wrong with an envelope',
    async () => (await import('./commands/lint.ts')).addLint,
  ],
  [
    'Author:',
    'simulate',
    'try an envelope on a device that you describe',
    async () => (await import('./commands/simulate.ts')).addSimulate,
  ],
  [
    'Author:',
    'debug',
    'step through the commands of an envelope',
    async () => (await import('./commands/debug.ts')).addDebug,
  ],
  [
    'Author:',
    'diff',
    'tell what changes between two envelopes',
    async () => (await import('./commands/diff.ts')).addDiff,
  ],
  [
    'Author:',
    'trust',
    'order devices to trust other keys',
    async () => (await import('./commands/trust.ts')).addTrust,
  ],
  [
    'Author:',
    'publish',
    'upload an envelope and its payloads',
    async () => (await import('./commands/publish.ts')).addPublish,
  ],
  [
    'Operator:',
    'release',
    'let a published manifest be offered to devices',
    async () => (await import('./commands/release.ts')).addRelease,
  ],
  [
    'Operator:',
    'campaign',
    'roll an update out, and watch it',
    async () => (await import('./commands/campaign.ts')).addCampaign,
  ],
  [
    'Operator:',
    'report',
    "tell what a device's report says of an update",
    async () => (await import('./commands/report.ts')).addReport,
  ],
  [
    'Operator:',
    'devices',
    'see the fleet; let devices in',
    async () => (await import('./commands/devices.ts')).addDevices,
  ],
  [
    'Servers and devices:',
    'serve',
    'run firmware server and status tracker',
    async () => (await import('./commands/serve.ts')).addServe,
  ],
  [
    'Servers and devices:',
    'device',
    'make and run one device with its flash in a file',
    async () => (await import('./commands/device.ts')).addDevice,
  ],
  [
    'Shell:',
    'completion',
    'complete commands in a shell',
    async () => (await import('./commands/completion.ts')).addCompletion,
  ],
];

try {
  await addCommands(process.argv.slice(2).find((word) => !word.startsWith('-')));
  pointAtHelp(program, 'lapel');
  await program.parseAsync();
} catch (error) {
  // Help that was asked for is no failure, and who reads it does not wait for what tells of failures.
  if (!(error instanceof CommanderError && error.exitCode === 0)) await tellFailure(error);
}

async function tellFailure(error: unknown): Promise<void> {
  const [{ failureOf }, terminal] = await Promise.all([import('./failure.ts'), openTerminal()]);
  const { message, exitCode } = failureOf(error);
  if (message !== '') terminal.error(message);
  process.exitCode = exitCode;
}

/**
 * @param asked the first word that is no option: the one command that it names is enough, and for help about
 * all of them their names are; for anything else all are needed
 */
async function addCommands(asked: string | undefined): Promise<void> {
  const named = commands.filter(([, name]) => name === asked && name !== completion);
  const isOverview = asked === undefined;
  const terminal = isOverview ? undefined : await openTerminal();
  for (const [group, name, summary, load] of named.length > 0 ? named : commands) {
    program.commandsGroup(group);
    if (terminal === undefined) program.command(name);
    else (await load())(program, terminal);
    program.commands.find((each) => each.name() === name)?.summary(summary);
  }
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
