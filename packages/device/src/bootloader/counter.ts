/**
 * The number in hardware that only rises, where a board has one. It holds the highest sequence number that
 * the component which starts was ever confirmed with, so that flash put back to an older copy is noticed
 * (THREAT.IMG.EXPIRED): without it that cannot be told from the truth.
 */

import { componentName } from '@lapel/suit';
import type { Counter } from '../hardware.ts';
import type { BootRecord } from '../storage/boot-record.ts';
import type { Layout } from '../storage/layout.ts';

/**
 * The record of a confirmation comes first, the counter follows here: a power cut between the two is mended.
 * @returns what nothing may be below, where the flash is older than the counter.
 */
export function agreeWithCounter(record: BootRecord, layout: Layout, counter?: Counter): number | undefined {
  if (counter === undefined) return undefined;
  const confirmed = floorOfStart(record, layout);
  const counted = counter.read();
  if (counted > confirmed) return counted;
  if (counted < confirmed) counter.raise(confirmed);
  return undefined;
}

/** The lowest sequence number that is installed to what starts. */
export function floorOfStart({ floors }: BootRecord, { components: [start] }: Layout): number {
  return floors.get(componentName(start.identifier))?.sequenceNumber ?? 0;
}
