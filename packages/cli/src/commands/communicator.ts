/**
 * `lapel communicator`: stands between device cores that have only a line, and the servers. It wakes the
 * cores that are behind, carries what they say and fetch, and proves nothing for them.
 */

import type { CoreStanding } from '@lapel/gateway/communicator';
import { createCommunicator } from '@lapel/gateway/communicator';
import { httpClient, serveHttp, systemClock, systemRandom } from '@lapel/transport';
import { onLine, streamPeer, streamTimings } from '@lapel/transport/stream';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ClientTlsOptions } from '../client-tls.ts';
import { readClientTls, withClientTls } from '../client-tls.ts';
import { usage } from '../device/options.ts';
import { linesHelp, openLine } from '../line/line.ts';
import { wholeNumber } from '../quantities.ts';
import { switchedOn, teller } from '../long-running.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ClientTlsOptions {
  readonly core: readonly string[];
  readonly server: string;
  readonly poll: string;
  readonly port?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  const command = program
    .command('communicator')
    .description(
      'Cares for device cores that have a line and no network, until Ctrl-C or kill: asks each how it is, ' +
        'wakes those for which the tracker has something, and carries what they say and fetch.',
    )
    .requiredOption('--core <line...>', 'the lines to the cores')
    .addOption(
      new Option('--server <url>', 'the servers, or a gateway before them')
        .env('LAPEL_SERVER')
        .default('http://localhost:8080'),
    )
    .option('--poll <seconds>', 'between two looks at a core', '30')
    .option('--port <number>', 'where it tells this machine of its cores (GET /cores)')
    .option('--json', 'print what happens as lines of JSON');
  withClientTls(command)
    .addHelpText('after', `${linesHelp}\n${examples}`)
    .action((options: Options) => communicate(options, terminal));
}

const examples = `
Examples:
  lapel device core lamp.flash --line tcp-listen:7000
  lapel communicator --core tcp:localhost:7000 --server http://localhost:8080
  lapel communicator --core /dev/ttyUSB0 /dev/ttyUSB1 --server https://gateway.example --port 8090`;

async function communicate(options: Options, terminal: Terminal): Promise<void> {
  const { core: texts, server, poll, port } = options;
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw usage(`expected --server http://HOST:PORT, found ${JSON.stringify(server)}`);
  const pollMs = 1000 * wholeNumber('--poll', poll, 1, 24 * 3600);
  const upstream = httpClient(server, await readClientTls(options));
  const off = switchedOn();
  const tell = teller(terminal, options.json === true);
  const say = (line: string, what: string) => tell(`${line}: ${what}`, { line, what });
  const lines = texts.map((text) => openLine(text, systemClock, (state) => say(text, state)));
  const communicator = createCommunicator({
    lines: lines.map((line) => ({
      name: line.name,
      connect: (serve) =>
        streamPeer({
          ...{ clock: systemClock, random: systemRandom, timing: streamTimings.line, onBug },
          ...{ chunks: onLine(line), serve },
        }),
    })),
    ...{ upstream, clock: systemClock, random: systemRandom, pollMs, onBug },
    onNotice: say,
    onSeen: (seen) => say(seen.line, told(seen)),
  });
  const http =
    port === undefined
      ? undefined
      : await serveHttp(communicator.handler, { port: wholeNumber('--port', port, 0, 65_535), onBug });
  if (http !== undefined) terminal.note(`cores are told of at ${http.url}/cores`);
  try {
    await communicator.run(off.signal);
  } catch (error) {
    if (!off.signal.aborted || error !== off.signal.reason) throw error;
  } finally {
    communicator.close();
    for (const line of lines) line.close();
    await http?.close(0);
  }
}

function told({ status, woken }: CoreStanding): string {
  if (status === undefined) return 'not heard of yet';
  const runs = status.components.map(({ sequenceNumber }) => sequenceNumber).join(', ');
  return `${status.device} runs ${runs}, ${status.state}; woken ${woken} times`;
}

function onBug(error: unknown): never {
  throw error;
}
