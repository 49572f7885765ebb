/**
 * What `lapel` can be told to do: a row each, in the order and the groups of the help. A row has what the
 * help of all commands says; the rest stands in the command's own file, which exports `addTo` and is loaded
 * only when it is asked for: most commands need no server, and help needs none of them.
 */

import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';

interface CommandFile {
  readonly addTo: (program: Command, terminal: Terminal) => void;
}

type Row = readonly [summary: string, load: () => Promise<CommandFile>];

const commandGroups: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  'Author:': {
    keygen: ['make a key pair', () => import('./commands/keygen.ts')],
    init: ['ask for what a first description needs', () => import('./commands/init.ts')],
    create: ['make an envelope from a description', () => import('./commands/create.ts')],
    sign: ['sign an envelope', () => import('./commands/sign.ts')],
    mac: ['authenticate an envelope with a shared secret', () => import('./commands/mac.ts')],
    encrypt: ['encrypt a payload for devices', () => import('./commands/encrypt.ts')],
    sever: ['cut severable elements off an envelope', () => import('./commands/sever.ts')],
    'add-payload': ['put a payload into an envelope', () => import('./commands/add-payload.ts')],
    'add-dependency': ['put a dependency into an envelope', () => import('./commands/add-dependency.ts')],
    inspect: ['show everything that an envelope holds', () => import('./commands/inspect.ts')],
    verify: ['check the signatures and the digests of an envelope', () => import('./commands/verify.ts')],
    lint: ['find what is wrong with an envelope', () => import('./commands/lint.ts')],
    simulate: ['try an envelope on a device that you describe', () => import('./commands/simulate.ts')],
    debug: ['step through the commands of an envelope', () => import('./commands/debug.ts')],
    diff: ['tell what changes between two envelopes', () => import('./commands/diff.ts')],
    trust: ['order devices to trust other keys', () => import('./commands/trust.ts')],
    publish: ['upload an envelope and its payloads', () => import('./commands/publish.ts')],
  },
  'Operator:': {
    release: ['let a published manifest be offered to devices', () => import('./commands/release.ts')],
    campaign: ['roll an update out, and watch it', () => import('./commands/campaign.ts')],
    newest: ['tell devices which release is the newest', () => import('./commands/newest.ts')],
    report: ["tell what a device's report says of an update", () => import('./commands/report.ts')],
    devices: ['see the fleet; let devices in', () => import('./commands/devices.ts')],
    carry: ['bring updates to devices without a network', () => import('./commands/carry.ts')],
    enrol: ['let devices in by a certificate or a token', () => import('./commands/enrol.ts')],
    log: ['hold a tracker to what it has rolled out', () => import('./commands/log.ts')],
    audit: ['show and prove what operators did', () => import('./commands/audit.ts')],
  },
  'Servers and devices:': {
    serve: ['run firmware server and status tracker', () => import('./commands/serve.ts')],
    gateway: ['run a cache and a relay before servers', () => import('./commands/gateway.ts')],
    migrate: ['move a fleet to another store while devices go on', () => import('./commands/migrate.ts')],
    backup: ['write a whole fleet into one file, while it is served', () => import('./commands/backup.ts')],
    restore: ['bring a fleet back from a backup', () => import('./commands/restore.ts')],
    communicator: ['care for devices behind serial lines', () => import('./commands/communicator.ts')],
    device: ['make and run one device with its flash in a file', () => import('./commands/device.ts')],
  },
  'Shell:': {
    completion: ['complete commands in a shell', () => import('./commands/completion.ts')],
  },
};

/** It is made of all the others. */
const ofAll = 'completion';

/**
 * @param asked the first word that is no option: the one command that it names is enough, and for help about
 * all of them their names are; for anything else all are needed
 */
export async function addCommands(
  program: Command,
  asked: string | undefined,
  openTerminal: () => Promise<Terminal>,
): Promise<void> {
  const rows = Object.entries(commandGroups).flatMap(([group, commands]) =>
    Object.entries(commands).map(([name, [summary, load]]) => ({ group, name, summary, load })),
  );
  const named = rows.filter(({ name }) => name === asked && name !== ofAll);
  const terminal = asked === undefined ? undefined : await openTerminal();
  for (const { group, name, summary, load } of named.length > 0 ? named : rows) {
    program.commandsGroup(group);
    if (terminal === undefined) program.command(name);
    else (await load()).addTo(program, terminal);
    program.commands.find((each) => each.name() === name)?.summary(summary);
  }
}
