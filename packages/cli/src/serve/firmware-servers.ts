/** Firmware servers besides a tracker's own, as on a command line: `https://eu.example,site=berlin`. */

import type { FirmwareServerAt } from '@lapel/status-tracker';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';

const serversMax = 16;
const schemes: readonly string[] = ['http:', 'https:', 'coap:', 'coap+tcp:'];

/** @throws {CommandFailure} where a text is none, or there are too many. */
export function readFirmwareServers(texts: readonly string[]): readonly FirmwareServerAt[] {
  if (texts.length <= serversMax) return texts.map(firmwareServer);
  throw usage(`expected --firmware-server at most ${serversMax} times, found it ${texts.length} times`);
}

function firmwareServer(text: string): FirmwareServerAt {
  const [url = '', ...tags] = text.split(',');
  if (!URL.canParse(url) || !schemes.includes(new URL(url).protocol)) {
    throw usage(`expected --firmware-server such as https://eu.example,site=berlin; found ${text}`);
  }
  const near = tags.map((tag) => /^(?<name>[^=]+)=(?<value>.+)$/.exec(tag)?.groups);
  const [wrong] = tags.filter((_, place) => near[place] === undefined);
  if (wrong !== undefined) throw usage(`expected a tag such as site=berlin behind ${url}, found ${wrong}`);
  return { url, near: Object.fromEntries(near.map((tag) => [tag?.['name'] ?? '', tag?.['value'] ?? ''])) };
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, message);
