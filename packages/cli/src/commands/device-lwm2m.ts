/** `lapel device lwm2m`: a device in a fleet whose management is LwM2M. */

import { originOf } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import { runManagedFile } from '../device/lwm2m.ts';
import { counterOption, usage } from '../device/options.ts';
import { wholeNumber } from '../quantities.ts';
import type { Terminal } from '../terminal.ts';

interface ManagedOptions {
  readonly server: string;
  readonly endpoint?: string;
  readonly lifetime: string;
  readonly counter?: string;
  readonly json?: boolean;
}

export function addLwm2m(device: Command, terminal: Terminal): void {
  device
    .command('lwm2m')
    .summary('switch a device on that a server of LwM2M manages')
    .description(
      'Boots the device and lets it live until Ctrl-C or kill: it registers at a server of LwM2M with the ' +
        'objects Device and Firmware Update, and installs what it is told to, once it has proved it.',
    )
    .argument('<flash>', 'the file with the flash')
    .addOption(
      new Option(
        '--server <url>',
        'the server of LwM2M, such as coap://leshan.example',
      ).makeOptionMandatory(),
    )
    .option('--endpoint <name>', "its endpoint client name (default: the device's own)")
    .option('--lifetime <seconds>', 'of a registration, which is renewed before', '300')
    .addOption(counterOption('its counter; a flash that is older is not started'))
    .option('--json', 'print each step as a line of JSON')
    .action(async (file: string, { server, endpoint, lifetime, counter, json = false }: ManagedOptions) => {
      const lifetimeSeconds = wholeNumber('--lifetime', lifetime, 20, 30 * 24 * 3600);
      const at = serverAt(server);
      await runManagedFile({ file, server: at, endpoint, lifetimeSeconds, counter, json }, terminal);
    });
}

const coapPort = 5683;

function serverAt(server: string) {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol !== 'coap:' || url.hostname === '')
    throw usage(`expected --server coap://HOST:PORT, found ${server}`);
  const host = url.hostname.replace(/^\[(?<address>.*)\]$/, '$<address>');
  return { host, port: url.port === '' ? coapPort : Number(url.port), origin: originOf(url) };
}
