/**
 * A device's flash in a file, so that a person can start the device, kill it, and start it again. Every
 * change is written through at once: what the operating system has taken survives the process. The
 * loader's pages, which no device ever writes, say which kind of device the flash belongs to.
 */

import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { unhex } from '@lapel/cbor';
import type { Profile } from '@lapel/device';
import { class1, flashBytes } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { norFlash } from '@lapel/simulator';
import type { ComponentIdentifier } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

export interface FlashFile {
  readonly flash: NorFlash;
  readonly profile: Profile;
  close(): void;
}

const mark = /^lapel flash 1, class1, (?<pages>\d{1,5}) image pages, component (?<component>[0-9a-f/]+)\n/;
const markBytesMax = 512;
const imagePagesMax = 8192;

/** Makes the file of an unused device. @throws EEXIST */
export function makeFlashFile(
  path: string,
  imagePages: number,
  component: ComponentIdentifier = class1().layout.components[0].identifier,
): FlashFile {
  const profile = class1({ imagePages, component });
  const content = new Uint8Array(flashBytes(profile.layout.geometry)).fill(0xff);
  content.set(
    new TextEncoder().encode(
      `lapel flash 1, class1, ${imagePages} image pages, component ${componentName(component)}\n`,
    ),
  );
  writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  return openFlashFile(path);
}

/** @throws {CommandFailure} where it is no flash file, or not whole. */
export function openFlashFile(path: string): FlashFile {
  const content = new Uint8Array(readFileSync(path));
  const found = mark.exec(new TextDecoder('latin1').decode(content.subarray(0, markBytesMax)));
  const imagePages = Number(found?.groups?.['pages']);
  if (found === null || imagePages > imagePagesMax) {
    throw new CommandFailure(
      exitCodes.failed,
      `expected the flash of a device in ${path}, found something else`,
    );
  }
  const component = (found.groups?.['component'] ?? '')
    .split('/')
    .map((part) => unhex(part) ?? new Uint8Array());
  const profile = class1({ imagePages, component });
  const { geometry } = profile.layout;
  const sizeBytes = flashBytes(geometry);
  if (content.length !== sizeBytes) {
    const message = `expected ${sizeBytes} bytes of flash in ${path}, found ${content.length}`;
    throw new CommandFailure(exitCodes.failed, message);
  }
  const file = openSync(path, 'r+');
  const onChange = (address: number, bytes: Uint8Array) => {
    writeSync(file, bytes, 0, bytes.length, address);
  };
  return {
    flash: norFlash({ geometry, content, onChange }),
    profile,
    close() {
      fsyncSync(file);
      closeSync(file);
    },
  };
}
