/**
 * What an update is carried with besides its envelope: for which device the tracker has offered it, and the
 * nonce that the device's report repeats; with the campaign as its operator signed it, for a device that asks
 * for that. Nothing in it is a secret, and nothing in it is believed: whoever changes it makes a report that
 * the tracker does not take, or an offer that the device refuses.
 */

import { join } from 'node:path';
import { unhex } from '@lapel/cbor';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readTextFile } from '../files.ts';

export interface Offered {
  readonly device: string;
  readonly manifest: Uint8Array;
  readonly nonce: Uint8Array;
  readonly generation: number;
  /** Whose offer it is; absent from sticks of earlier versions. */
  readonly campaign?: Uint8Array;
}

export const offerFile = (stick: string, device: string): string => join(stick, `${device}.offer.json`);
export const campaignFile = (stick: string, device: string): string => join(stick, `${device}.campaign`);
export const envelopeFile = (stick: string, manifest: string): string => join(stick, `${manifest}.suit`);

/** The offer for a device on a stick. @throws {CommandFailure} where there is none that can be read. */
export async function readOffered(stick: string, device: string): Promise<Offered> {
  const file = offerFile(stick, device);
  const told = parsed(await readTextFile(file));
  const [manifest, nonce] = [unhex(String(told['manifest'])), unhex(String(told['nonce']))];
  const generation = told['generation'];
  const campaign = unhex(String(told['campaign']));
  const isWhole =
    told['device'] === device &&
    manifest?.length === 32 &&
    nonce?.length === 16 &&
    Number.isSafeInteger(generation);
  if (!isWhole || manifest === undefined || nonce === undefined) {
    const message = `expected the offer of an update to ${device} in ${file}, found something else`;
    throw new CommandFailure(exitCodes.failed, message);
  }
  const offer = { device, manifest, nonce, generation: Number(generation) };
  return campaign === undefined ? offer : { ...offer, campaign };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
