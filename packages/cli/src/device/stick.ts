/** What a stick holds for a device (`lapel carry out`), as `lapel device bring` takes it. */

import { readFile } from 'node:fs/promises';
import { hex } from '@lapel/cbor';
import { campaignFile, envelopeFile, readOffered } from '../carry/offered.ts';
import { writeReport } from '../carry/reports.ts';
import { readOutline } from '../envelope-file.ts';
import type { Brought } from './bring.ts';

/** @throws {CommandFailure} where it holds nothing for the device. */
export async function fromStick(stick: string, device: string): Promise<Brought> {
  const offer = await readOffered(stick, device);
  const { bytes: envelope } = await readOutline(envelopeFile(stick, hex(offer.manifest)));
  const campaign = await readFile(campaignFile(stick, device)).catch(absent);
  const keepReport = async (report: Uint8Array) => void (await writeReport(stick, device, report));
  const signed = campaign === undefined ? {} : { campaign };
  return { envelope, places: [stick], offer, ...signed, keepReport };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
