/**
 * The factory of one device: its flash goes into a file that only its owner can read, for it holds the
 * device's key.
 */

import { rm } from 'node:fs/promises';
import type { VerificationKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey, keyToPem } from '@lapel/cose';
import type { ConfirmPolicy, Provision } from '@lapel/device';
import { boot, manufacture, trustStoreVersion } from '@lapel/device';
import { systemRandom } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { removedOnSignal, requireRoom, writeNewFile } from '../files.ts';
import { makeFlashFile } from '../flash-file.ts';
import { generateSharedSecret, oscoreText } from '../oscore-file.ts';
import type { AnchorPlan } from './anchors.ts';
import { anchorsOf } from './anchors.ts';
import { makeCounterFile } from './counter-file.ts';
import type { Deal, FirstFirmware } from './first-firmware.ts';
import { dealImages, kindFor } from './first-firmware.ts';

/** What the bootloader believes at each start but the first: the author's signature, or its own MAC. */
export type BootPolicy = 'signature' | 'mac';

export interface DevicePlan extends Deal {
  readonly file: string;
  readonly id: string;
  readonly anchors: readonly AnchorPlan[];
  /** As they are kept. */
  readonly decryptionKeys: readonly Uint8Array[];
  /** It follows no offer that an operator has not signed. */
  readonly holdsToOperators: boolean;
  readonly tracker: VerificationKey | undefined;
  readonly confirmBy: ConfirmPolicy;
  readonly attempts: number;
  readonly deadlineMs: number;
  readonly boot: BootPolicy;
  /** The file of its counter. */
  readonly counter: string | undefined;
  /** Where to tell its servers what it shares with them. */
  readonly oscore: string | undefined;
}

const bootSecretBytes = 32;

/** @throws {SuitError} where the device would not boot this firmware; then there is no file. */
export async function makeDeviceFile(
  plan: DevicePlan,
): Promise<{ readonly publicKeyFile: string; readonly sequenceNumber: number }> {
  const { file, counter, oscore } = plan;
  const first = dealImages(plan);
  const key = generateSigningKey('P-256');
  const publicKeyFile = `${file.replace(/\.flash$/, '')}.pub.pem`;
  const beside = [counter, oscore].filter((each) => each !== undefined);
  const made = [file, ...beside, publicKeyFile];
  const channel = oscore === undefined ? undefined : generateSharedSecret(systemRandom);
  for (const each of made) requireRoom(each);
  const forget = removedOnSignal(...made);
  const { flash, profile, close } = makeFlashFile(file, kindFor(plan.profile, first));
  try {
    const provision = provisionOf(plan, first, encodeSigningKey(key));
    const shared = channel === undefined ? provision : { ...provision, channel };
    manufacture(flash, profile, shared, ...first.firmwares);
    if (counter !== undefined) {
      const own = makeCounterFile(counter);
      // Its first start raises it to what the factory has confirmed.
      boot(flash, profile, own);
    }
    if (oscore !== undefined && channel !== undefined) await writeNewFile(oscore, oscoreText(channel), 0o600);
    await writeNewFile(publicKeyFile, keyToPem(key.public), 0o644);
  } catch (error) {
    for (const each of made) await rm(each, { force: true });
    throw friendly(error);
  } finally {
    forget();
    close();
  }
  return { publicKeyFile, sequenceNumber: first.sequenceNumber };
}

function provisionOf(plan: DevicePlan, first: FirstFirmware, deviceKey: Uint8Array): Provision {
  const { id, tracker, confirmBy, attempts, deadlineMs, required, decryptionKeys } = plan;
  return {
    version: trustStoreVersion,
    device: id,
    deviceKey,
    vendor: first.vendor,
    class: first.class,
    anchors: anchorsOf(plan.anchors),
    ...(tracker === undefined ? {} : { trackerKey: encodeVerificationKey(tracker) }),
    confirmBy,
    attempts,
    deadlineMs,
    ...(required.length === 0 ? {} : { required: [...required] }),
    ...(decryptionKeys.length === 0 ? {} : { decryptionKeys: [...decryptionKeys] }),
    ...(plan.holdsToOperators ? { holdsToOperators: true } : {}),
    ...(plan.boot === 'mac' ? { bootSecret: systemRandom.bytes(bootSecretBytes) } : {}),
  };
}

/** A trust store that no device could live with is a mistake of whoever asked for it. */
const friendly = (error: unknown): unknown =>
  error instanceof RangeError ? new CommandFailure(exitCodes.failed, error.message, { cause: error }) : error;
