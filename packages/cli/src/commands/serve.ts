/**
 * `lapel serve`: firmware server and status tracker on one port and one folder, until a signal ends
 * them.
 */

import { join } from 'node:path';
import { isTenantName } from '@lapel/status-tracker';
import type { Command } from 'commander';
import { Option } from 'commander';
import { requireRestored } from '../backup/restoring.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { DatabaseOptions } from '../fleet/place.ts';
import { databaseOption, passwordOption, placeOf } from '../fleet/place.ts';
import { createServerLog } from '../serve/create-server-log.ts';
import { readFirmwareServers } from '../serve/firmware-servers.ts';
import { openHouse } from '../serve/house.ts';
import { renewOnHangup } from '../serve/renew-tls.ts';
import { readServeTls } from '../serve/tls-files.ts';
import { keepPublicKeys, readPublicKeyOnly } from '../serve/data-folder.ts';
import type { House } from '../serve/house.ts';
import type { LogFormat, LogLevel, ServerLog } from '../serve/server-log.ts';
import type { WebhookOptions } from '../serve/webhooks.ts';
import { withLog } from '../serve/log-options.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends DatabaseOptions {
  readonly tenant: string;
  readonly port: string;
  readonly host?: string;
  readonly coapPort?: string;
  readonly oscoreOnly?: boolean;
  readonly author?: readonly string[];
  readonly operator?: readonly string[];
  readonly deviceClass: readonly string[];
  readonly firmwareServer: readonly string[];
  readonly strategy?: string;
  readonly webhook: readonly string[];
  readonly webhookSecret?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  const command = program
    .command('serve')
    .description(
      'Runs the firmware server and the status tracker on one port. What they keep is in one folder: ' +
        'keys, tokens, firmware and the database of the fleet.',
    )
    .option('--data <folder>', 'what the servers keep', 'data')
    .addOption(databaseOption())
    .addOption(passwordOption())
    .option('--tenant <name>', 'whose fleet of those in the store', 'default')
    .option('--port <number>', 'where they listen', '8080')
    .option('--host <address>', 'the address to listen on; 0.0.0.0 opens the servers to the network')
    .option('--coap-port <number>', 'serve devices over CoAP, too, on this port of UDP and TCP (usual: 5683)')
    .option('--oscore-only', 'over CoAP, answer nothing but under a secret that a device shares (OSCORE)')
    .option('--author <file...>', "accept this author's manifests (public key in PEM; kept in the folder)")
    .option(
      '--operator <file...>',
      "carry out this operator's campaigns (public key in PEM; kept in the folder)",
    )
    .addOption(
      new Option(
        '--device-class <vendor/class=profile,pages,component>',
        'publish nothing that these devices could not install: as in lapel.example/lamp=class1,20,main',
      )
        .argParser((text, before: readonly string[]) => [...before, text])
        .default([], 'not looked at'),
    )
    .addOption(
      new Option(
        '--firmware-server <url,tag=value>',
        'send devices to this server for firmware, those first that are so tagged; more with each option',
      )
        .argParser((text, before: readonly string[]) => [...before, text])
        .default([], 'this one'),
    )
    .option(
      '--strategy <file>',
      'how urgent a release is, and when the server decides for devices (YAML or JSON)',
    )
    .addOption(
      new Option('--webhook <url>', 'post what changes there, as JSON; to more with each option')
        .argParser((text, before: readonly string[]) => [...before, text])
        .default([], 'nowhere'),
    )
    .option('--webhook-secret <file>', 'what signs it: whsec_ and base64, as Standard Webhooks has it')
    .option('--tls-cert <file>', 'serve HTTPS with this certificate, and its chain behind it (PEM)')
    .option('--tls-key <file>', 'the private key of --tls-cert (PEM)')
    .option('--client-ca <file>', 'serve only who shows a certificate of this authority (PEM)');
  withLog(command)
    .option('--json', 'print where they listen, and what they keep, as JSON')
    .addHelpText('after', examples)
    .action((options: Options) => serve(options, terminal));
}

const examples = `
Examples:
  lapel serve --author author.pub.pem --operator operator.pub.pem
  lapel serve --data /var/lib/lapel --port 9000 --host 0.0.0.0
  lapel serve --host 0.0.0.0 --coap-port 5683
  lapel serve --database postgres://lapel@db.example/fleet --password-file db.password
  lapel serve --host 0.0.0.0 --tls-cert server.pem --tls-key server.key --client-ca devices-ca.pem
  lapel serve --device-class lapel.example/lamp=class1,20,main
  lapel serve --webhook https://chat.example/lapel --webhook-secret webhook.secret
  lapel serve --firmware-server https://eu.example,site=berlin --firmware-server https://cdn.example

The first start makes a token for each role in FOLDER/tokens; hand them out and delete the files.

Several of them may serve one fleet from one database: each is given the same FOLDER, for they need the same
keys and firmware. Let the first one start alone. Without --database the fleet is in the folder, and one
process at a time uses that.

kill -HUP has it read the files of --tls-cert, --tls-key and --client-ca again, and ends no connection.`;

async function serve(
  {
    port,
    host,
    coapPort,
    oscoreOnly = false,
    author = [],
    operator = [],
    deviceClass,
    firmwareServer,
    strategy,
    webhook,
    webhookSecret,
    tenant,
    json,
    log,
    logLevel,
    tlsCert,
    tlsKey,
    clientCa,
    ...kept
  }: Options,
  terminal: Terminal,
): Promise<void> {
  if (oscoreOnly && coapPort === undefined)
    throw new CommandFailure(exitCodes.usage, 'expected --coap-port with --oscore-only, found none');
  // Before a folder is made for them.
  for (const file of [...author, ...operator]) await readPublicKeyOnly(file);
  const strategies = strategy === undefined ? {} : await strategiesIn(strategy);
  const deviceClasses = deviceClass.length === 0 ? [] : await classesIn(deviceClass);
  const firmwareServers = readFirmwareServers(firmwareServer);
  const webhooks = await webhooksIn({ webhook, webhookSecret });
  const tlsFiles = { tlsCert, tlsKey, clientCa };
  const tls = await readServeTls(tlsFiles);
  const logged = await createServerLog(terminal, { format: log, level: logLevel });
  const { data } = kept;
  await tellBrokenRestores(data, logged);
  const place = await placeOf(kept);
  const house = await openHouse({
    path: data,
    port: portNumber('--port', port),
    place,
    tenant: tenantName(tenant),
    deviceClasses,
    firmwareServers,
    strategies,
    webhooks,
    prepare: async () => {
      await keepPublicKeys(author, join(data, 'keys', 'authors'));
      await keepPublicKeys(operator, join(data, 'keys', 'operators'));
    },
    ...(host === undefined ? {} : { host }),
    oscoreOnly,
    ...(coapPort === undefined ? {} : { coapPort: portNumber('--coap-port', coapPort) }),
    ...(tls === undefined ? {} : { tls }),
    log: logged,
  });
  const renewing = renewOnHangup(tlsFiles, house, logged);
  tellStanding(house, json === true, terminal);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  renewing();
  await house.close();
}

async function tellBrokenRestores(data: string, { notice }: ServerLog): Promise<void> {
  for (const broken of await requireRestored(data))
    notice(`${broken} is left of a restore that was broken off: delete it, it holds private keys`);
}

/** What reads files of people is loaded for who has one: a server that was killed serves devices sooner. */
const strategiesIn = async (file: string) =>
  (await import('../serve/strategy-file.ts')).readStrategyFile(file);

const webhooksIn = async (given: WebhookOptions) =>
  given.webhook.length === 0 && given.webhookSecret === undefined
    ? []
    : (await import('../serve/webhooks.ts')).readWebhooks(given);

const classesIn = async (texts: readonly string[]) =>
  (await import('../serve/device-classes.ts')).readDeviceClasses(texts);

function tellStanding(house: House, asJson: boolean, terminal: Terminal): void {
  if (asJson) {
    terminal.result(JSON.stringify(standingAsJson(house)));
    return;
  }
  terminal.result(house.url);
  terminal.note(standing(house));
}

const standingAsJson = ({ url, coap, folder, firmware, place }: House) => ({
  url,
  coap,
  folder: folder.path,
  fleet: place.shown,
  manifests: firmware.catalog.all().length,
  authors: folder.authors.length,
  operators: folder.operators.length,
  trackerKey: join(folder.path, 'keys', 'tracker.pub.pem'),
  tokens: join(folder.path, 'tokens'),
});

function standing({ coap, folder, firmware, place }: House): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const lines = [
    `firmware server and status tracker, keeping all in ${folder.path}; Ctrl-C ends them`,
    ...(place.kind === 'postgres' ? [`the fleet is in ${place.shown}`] : []),
    `${count(firmware.catalog.all().length, 'manifest')} published`,
    `${count(folder.authors.length, 'author')} and ${count(folder.operators.length, 'operator')} known`,
    ...(coap.length === 0 ? [] : [`devices that speak CoAP reach it at ${coap.join(' and ')}`]),
    `devices need ${join(folder.path, 'keys', 'tracker.pub.pem')}`,
    `tokens are in ${join(folder.path, 'tokens')}`,
  ];
  if (folder.authors.length === 0)
    lines.push('no author is known yet: nothing can be published (--author FILE)');
  if (folder.operators.length === 0)
    lines.push('no operator is known yet: no campaign can start (--operator FILE)');
  return lines.join('\n');
}

function tenantName(text: string): string {
  if (isTenantName(text)) return text;
  const expected = '1 to 63 lower-case letters, digits and hyphens';
  throw new CommandFailure(exitCodes.usage, `expected --tenant to have ${expected}, found ${text}`);
}

function portNumber(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new CommandFailure(exitCodes.usage, `expected ${option} to be a number up to 65535, found ${text}`);
}
