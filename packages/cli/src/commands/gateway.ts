/** `lapel gateway`: a cache and a relay between devices and their servers, until a signal ends it. */

import { basename } from 'node:path';
import type { Guard } from '@lapel/gateway';
import { createGuard } from '@lapel/gateway';
import type { Command } from 'commander';
import type { ClientTlsOptions } from '../client-tls.ts';
import { readClientTls, withClientTls } from '../client-tls.ts';
import { usage } from '../device/options.ts';
import type { OpenGatewayOptions, OpenedGateway } from '../gateway/open-gateway.ts';
import { openGatewayHouse } from '../gateway/open-gateway.ts';
import { readOscoreFile } from '../oscore-file.ts';
import { sizeText, wholeNumber } from '../quantities.ts';
import type { LogFormat, LogLevel } from '../serve/server-log.ts';
import { createServerLog } from '../serve/create-server-log.ts';
import { withLog } from '../serve/log-options.ts';
import { renewOnHangup } from '../serve/renew-tls.ts';
import { readServeTls } from '../serve/tls-files.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ClientTlsOptions {
  readonly upstream: readonly string[];
  readonly data: string;
  readonly port: string;
  readonly host?: string;
  readonly coapPort?: string;
  readonly oscore: readonly string[];
  readonly oscoreOnly?: boolean;
  readonly upstreamOscore?: string;
  readonly cacheSize: string;
  readonly announce?: string;
  readonly directory: readonly string[];
  readonly base?: string;
  readonly proxy?: boolean;
  readonly allow: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  const command = program
    .command('gateway')
    .description(
      'Runs a gateway near devices: it keeps what they fetch, asks upstream once for all, and keeps their ' +
        'reports while nobody upstream can be reached. Nobody trusts it: devices prove what it gives.',
    )
    .requiredOption('--upstream <url...>', 'the servers, the nearest first and the origin last')
    .option('--data <folder>', 'what it keeps', 'gateway')
    .option('--port <number>', 'where it listens', '8081')
    .option('--host <address>', 'the address to listen on; 0.0.0.0 opens it to the network')
    .option('--coap-port <number>', 'serve devices over CoAP, too, on this port of UDP and TCP (usual: 5683)')
    .option(
      '--oscore <file...>',
      'what devices share with this gateway, as `device make --oscore` has it',
      [],
    )
    .option('--oscore-only', 'over CoAP, answer nothing but under such a secret (OSCORE)')
    .option('--upstream-oscore <file>', 'what this gateway shares with its one --upstream of CoAP')
    .option('--cache-size <megabytes>', 'what the cache may take of the disk', '4096')
    .option('--announce <name>', 'tell the local network, by DNS-SD and, over CoAP, in its group')
    .option('--directory <url...>', 'register in these CoRE Resource Directories', [])
    .option(
      '--base <url>',
      'where devices reach it, as directories are told; without it, those of CoAP see for themselves',
    )
    .option('--proxy', 'let devices read from other servers through it, at public addresses')
    .option('--allow <network...>', 'with --proxy: these networks, too, such as 10.1.0.0/16', [])
    .option('--tls-cert <file>', 'serve HTTPS with this certificate, and its chain behind it (PEM)')
    .option('--tls-key <file>', 'the private key of --tls-cert (PEM)');
  withLog(withClientTls(command))
    .option('--json', 'print where it listens as JSON')
    .addHelpText('after', examples)
    .action((options: Options) => run(options, terminal));
}

const examples = `
Examples:
  lapel gateway --upstream https://firmware.example --host 0.0.0.0
  lapel gateway --upstream http://regional.example:8081 https://firmware.example --cache-size 500
  lapel gateway --upstream coap://origin.example --coap-port 5683
  lapel gateway --upstream https://firmware.example --coap-port 5683 --oscore lamp-1.oscore --oscore-only
  lapel gateway --upstream https://firmware.example --host 0.0.0.0 --announce cellar
  lapel device run lamp.flash --discover
  lapel device run lamp.flash --server https://firmware.example --cache http://192.0.2.7:8081

It can be put before devices at any time: nothing that is signed names it.`;

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { data, port, host, coapPort, cacheSize, log, logLevel, json, announce } = options;
  const upstreams = options.upstream.map((url) => urlOf('--upstream', url));
  const files = { tlsCert: options.tlsCert, tlsKey: options.tlsKey, clientCa: undefined };
  const served = await readServeTls(files);
  const logged = await createServerLog(terminal, { format: log, level: logLevel });
  const gateway = await openGatewayHouse({
    folder: data,
    upstreams,
    port: wholeNumber('--port', port, 0, 65_535),
    cacheBytes: 1024 * 1024 * wholeNumber('--cache-size', cacheSize, 1, 100_000_000),
    upstreamTls: await readClientTls(options),
    log: logged,
    registering: registeringIn(options),
    ...(await secretsOf(options)),
    ...(options.proxy === true ? { proxy: guardOf(options.allow) } : {}),
    ...(announce === undefined ? {} : { announce }),
    ...(host === undefined ? {} : { host }),
    ...(coapPort === undefined ? {} : { coapPort: wholeNumber('--coap-port', coapPort, 0, 65_535) }),
    ...(served === undefined ? {} : { tls: served }),
  });
  const renewing = renewOnHangup(files, gateway, logged);
  if (json === true) {
    terminal.result(JSON.stringify({ url: gateway.url, coap: gateway.coap, ...gateway.standing() }));
  } else {
    terminal.result(gateway.url);
    terminal.note(inWords(gateway, data));
  }
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  renewing();
  await gateway.close();
}

function registeringIn({ directory, base, coapPort }: Options): OpenGatewayOptions['registering'] {
  if (directory.length === 0) return undefined;
  const directories = directory.map((url) => urlOf('--directory', url));
  // RFC 9176 §5.1: only one who is asked by the port that it asks from can be seen to be there.
  if (base === undefined && (coapPort === undefined || !directories.every((url) => url.startsWith('coap:'))))
    throw usage('expected --base URL, or --coap-port and each --directory coap://HOST, found neither');
  return { directories, base: base === undefined ? undefined : urlOf('--base', base) };
}

type Secrets = Pick<OpenGatewayOptions, 'oscore' | 'oscoreOnly' | 'upstreamOscore'>;

async function secretsOf(options: Options): Promise<Secrets> {
  const { coapPort, oscore, oscoreOnly = false, upstreamOscore } = options;
  if (coapPort === undefined && (oscoreOnly || oscore.length > 0))
    throw usage('expected --coap-port with --oscore and --oscore-only, found none');
  if (oscoreOnly && oscore.length === 0) throw usage('expected --oscore FILE with --oscore-only, found none');
  const devices = [];
  for (const file of oscore) devices.push({ id: basename(file), secret: await readOscoreFile(file) });
  return {
    oscore: devices,
    oscoreOnly,
    ...(upstreamOscore === undefined ? {} : { upstreamOscore: await readOscoreFile(upstreamOscore) }),
  };
}

function guardOf(allowed: readonly string[]): Guard {
  try {
    return createGuard({ allowed });
  } catch (error) {
    if (error instanceof TypeError) throw usage(`--allow: ${error.message}`);
    throw error;
  }
}

function urlOf(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^(?:https?|coap|coap\+tcp):$/.test(url.protocol)) return text.replace(/\/$/, '');
  throw usage(`expected ${option} http://HOST:PORT or coap://HOST, found ${text}`);
}

function inWords({ coap, standing }: OpenedGateway, folder: string): string {
  const { cache, waiting, upstreams } = standing();
  return [
    `gateway before ${upstreams.join(' and ')}, keeping all in ${folder}; Ctrl-C ends it`,
    ...(coap.length === 0 ? [] : [`devices that speak CoAP reach it at ${coap.join(' and ')}`]),
    `${cache.contents} contents kept (${sizeText(cache.bytes)}); ${waiting.reports} reports wait`,
  ].join('\n');
}
