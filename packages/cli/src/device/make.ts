/**
 * The factory of one device: its flash goes into a file that only its owner can read, for it holds the
 * device's key.
 */

import { rm } from 'node:fs/promises';
import type { VerificationKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey, keyToPem } from '@lapel/cose';
import type { ConfirmPolicy, Firmware } from '@lapel/device';
import { manufacture, trustStoreVersion } from '@lapel/device';
import { authenticate, server, summarise } from '@lapel/suit';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { writeNewFile } from '../files.ts';
import { makeFlashFile } from '../flash-file.ts';

export interface DevicePlan {
  readonly file: string;
  readonly id: string;
  readonly authors: readonly VerificationKey[];
  readonly tracker: VerificationKey | undefined;
  readonly firmware: Firmware;
  readonly confirmBy: ConfirmPolicy;
  readonly attempts: number;
  readonly deadlineMs: number;
}

const pageBytes = 2048;
const imagePagesMin = 20;

/** @throws {SuitError} where the device would not boot this firmware; then there is no file. */
export async function makeDeviceFile(
  plan: DevicePlan,
): Promise<{ readonly publicKeyFile: string; readonly sequenceNumber: number }> {
  const { file, id, authors, tracker, firmware, confirmBy, attempts, deadlineMs } = plan;
  const anchors = authors.map((key) => ({ key }));
  const summary = summarise(authenticate(firmware.envelope, anchors, server), server);
  const [vendor, device] = [
    only('vendor', summary.vendorIdentifiers),
    only('class', summary.classIdentifiers),
  ];
  const component = only('component', summary.components);
  const key = generateSigningKey('P-256');
  const publicKeyFile = `${file.replace(/\.flash$/, '')}.pub.pem`;
  // Room to grow: the next firmware may be half as large again.
  const imagePages = Math.max(imagePagesMin, Math.ceil((firmware.image.length * 1.5) / pageBytes));
  const made = makeFlashFile(file, imagePages, component);
  try {
    manufacture(
      made.flash,
      made.profile,
      {
        version: trustStoreVersion,
        device: id,
        deviceKey: encodeSigningKey(key),
        vendor,
        class: device,
        anchors: authors.map(encodeVerificationKey),
        ...(tracker === undefined ? {} : { trackerKey: encodeVerificationKey(tracker) }),
        confirmBy,
        attempts,
        deadlineMs,
      },
      firmware,
    );
    await writeNewFile(publicKeyFile, keyToPem(key.public), 0o644);
  } catch (error) {
    await rm(file);
    throw error;
  } finally {
    made.close();
  }
  return { publicKeyFile, sequenceNumber: summary.sequenceNumber };
}

function only<T>(what: string, identifiers: readonly T[]): T {
  const [first, ...others] = identifiers;
  if (first !== undefined && others.length === 0) return first;
  const found = `expected the first firmware to name one ${what}, found ${identifiers.length}`;
  throw new CommandFailure(exitCodes.failed, found);
}
