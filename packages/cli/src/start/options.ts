/** What `npm start` can be told. */

import { parseArgs } from 'node:util';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';

export interface StartOptions {
  readonly once: boolean;
  /** The user's own firmware. */
  readonly image: string | undefined;
  readonly port: number;
  readonly data: string;
  readonly devices: number;
  readonly seed: number;
}

export const startUsage = `npm start -- [--once] [--image FILE] [--port N] [--data FOLDER]

Runs one update, end to end: firmware server and status tracker on one port, fifty devices of two
classes behind a lossy link, and a release for one of the classes. Goes on serving afterwards.

  --once          end after the rollout: exit code 0 when every addressed device has confirmed
  --image FILE    roll out this firmware                   (default: examples/lamp)
  --port N        where the servers listen                 (default 8080)
  --data FOLDER   what the servers and devices keep        (default ./data)
  --devices N     how many devices, an even number         (default 50)
  --seed N        the link's losses                        (default 1)`;

const devicesMax = 1000;

/** Undefined where help was asked for. @throws {CommandFailure} */
export function readStartOptions(args: readonly string[]): StartOptions | undefined {
  const { values } = parsed(args);
  if (values.help) return undefined;
  const devices = wholeNumber('--devices', values.devices, 2, devicesMax);
  if (devices % 2 !== 0) throw usage(`expected --devices to be even, found ${devices}`);
  return {
    once: values.once,
    image: values.image,
    port: wholeNumber('--port', values.port, 0, 65_535),
    data: values.data,
    devices,
    seed: wholeNumber('--seed', values.seed, 0, 0xffffffff),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean', default: false },
        image: { type: 'string' },
        port: { type: 'string', default: '8080' },
        data: { type: 'string', default: 'data' },
        devices: { type: 'string', default: '50' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    if (error instanceof TypeError) throw usage(error.message);
    throw error;
  }
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw usage(`expected ${option} to be a whole number from ${min} to ${max}, found ${text}`);
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, `${message}\n\n${startUsage}`);
