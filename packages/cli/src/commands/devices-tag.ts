/** `lapel devices tag`: what operators call devices by, for campaigns to ask for. */

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { fieldsOf, listOf } from '../answers.ts';
import { askJson, jsonRequest } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ServerOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
  readonly json?: boolean;
}

/** That the server takes at once. */
const devicesMax = 1_000;

export const addDevicesTag = (devices: Command, terminal: Terminal): unknown =>
  withServer(devices.command('tag').description('Calls devices by tags, which campaigns ask for.'))
    .argument('<id...>', 'the devices')
    .option('--set <name=value>', 'a tag; may be given several times', tagIn)
    .option('--remove <name...>', 'tags that they are not to have any more')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((ids: string[], options: Options) => tag(ids, options, terminal));

const examples = `
Examples:
  lapel devices tag lamp-7 lamp-8 --set site=berlin --set ring=first --token-file operator.token
  lapel campaign start --release lamp.suit --where 'tag.ring == "first"' --key operator.pem`;

function tagIn(text: string, before: Readonly<Record<string, string>> = {}) {
  const { name, value } = /^(?<name>[a-z0-9_-]{1,32})=(?<value>.{1,64})$/u.exec(text)?.groups ?? {};
  if (name !== undefined && value !== undefined) return { ...before, [name]: value };
  throw new InvalidArgumentError(`expected a tag such as site=berlin, found ${text}`);
}

async function tag(ids: string[], options: Options, terminal: Terminal): Promise<void> {
  const { set = {}, remove = [], json } = options;
  if (Object.keys(set).length + remove.length === 0)
    throw new CommandFailure(exitCodes.usage, 'expected --set NAME=VALUE or --remove NAME, found neither');
  const access = await accessServer(options);
  const devices = [...new Set(ids)];
  const done: string[] = [];
  for (let at = 0; at < devices.length; at += devicesMax) {
    const asked = { devices: devices.slice(at, at + devicesMax), set, remove };
    const answer = fieldsOf(await askJson(access, jsonRequest('POST', '/tags', asked)));
    done.push(...listOf(answer['devices']).map(String));
  }
  if (json === true) terminal.result(JSON.stringify({ devices: done, set, remove }));
  else if (!terminal.quiet) terminal.facts([['tagged', done.join(', ')]]);
}
