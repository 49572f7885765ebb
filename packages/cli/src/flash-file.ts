/**
 * A device's flash in a file, so that a person can start the device, kill it, and start it again. Every
 * change is written through at once: what the operating system has taken survives the process. The
 * loader's pages, which no device ever writes, say which kind of device the flash belongs to.
 */

import { closeSync, fsyncSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import type { Profile } from '@lapel/device';
import { flashBytes } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { norFlash } from '@lapel/simulator';
import type { DeviceKind } from './device/kinds.ts';
import { kindText, profileOf, readKind } from './device/kinds.ts';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readBoundedNow } from './files.ts';

export interface FlashFile {
  readonly flash: NorFlash;
  readonly profile: Profile;
  close(): void;
}

const mark = /^lapel flash 1, (?<kind>[^\n]{1,400})\n/;
const markBytesMax = 512;
/** No device that is made here has more. */
const flashBytesMax = 256 * 1024 * 1024;

/** Makes the file of an unused device. @throws EEXIST */
export function makeFlashFile(path: string, kind: DeviceKind): FlashFile {
  const content = new Uint8Array(flashBytes(profileOf(kind).layout.geometry)).fill(0xff);
  content.set(new TextEncoder().encode(`lapel flash 1, ${kindText(kind)}\n`));
  try {
    writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
      rmSync(path, { force: true });
    throw error;
  }
  return openFlashFile(path);
}

/** @throws {CommandFailure} where it is no flash file, or not whole. */
export function openFlashFile(path: string): FlashFile {
  const content = readBoundedNow(path, flashBytesMax);
  const found = mark.exec(new TextDecoder('latin1').decode(content.subarray(0, markBytesMax)));
  const written = found?.groups?.['kind'];
  if (written === undefined) {
    throw failed(`expected the flash of a device in ${path}, found something else`);
  }
  const kind = readKind(written);
  if (kind === undefined) {
    throw failed(`expected a device of a profile that is known here in ${path}, found ${written}`);
  }
  const profile = profileOf(kind);
  const { geometry } = profile.layout;
  const sizeBytes = flashBytes(geometry);
  if (content.length !== sizeBytes) {
    throw failed(`expected ${sizeBytes} bytes of flash in ${path}, found ${content.length}`);
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

const failed = (message: string) => new CommandFailure(exitCodes.failed, message);
