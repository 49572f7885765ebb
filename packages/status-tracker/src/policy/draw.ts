/**
 * Chance that nobody chooses: the hash of the campaign's id and the device's. The id of a campaign is drawn
 * when it is signed, so nobody can make a device that will be a canary; and a device can work out its own
 * wave.
 */
import { digest } from '@lapel/cose';

/** Draws are below it. */
export const drawEnd = 2 ** 32;

/** The order in which a campaign takes its devices: its own, so that not always the same ones go first. */
export function draw(campaign: string, device: string): number {
  const hash = digest('sha-256', new TextEncoder().encode(`${campaign}/${device}`));
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0);
}

/** The index of the wave that a draw belongs to. @param waves cumulative, in thousandths, rising to 1000 */
export function waveOf(drawn: number, waves: readonly number[]): number {
  const index = waves.findIndex((share) => drawn * 1000 < share * drawEnd);
  return index < 0 ? waves.length - 1 : index;
}
