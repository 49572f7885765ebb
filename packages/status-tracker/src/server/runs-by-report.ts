/** What a device runs by its report: success is its signed word that the manifest runs, beyond its trial. */
import { compareBytes } from '@lapel/cbor';
import type { Inventory, Target } from './fleet.ts';
import { sameComponent } from './fleet.ts';

/**
 * What it has said of itself, with what the report adds: of its components, those that the manifest is about.
 * A report may come late, and never says that anything older runs. What it does not tell of (its version, how
 * its image measures, its load) is not known until it checks in again.
 */
export function afterSuccess(
  inventory: Inventory | undefined,
  { components, sequenceNumber, digest }: Target,
  atMs: number,
): Inventory | undefined {
  if (inventory === undefined) return undefined;
  let isNews = false;
  const running = inventory.components.map((known) => {
    const isConcerned = components.some((each) => sameComponent(each, known.component));
    if (!isConcerned || known.sequenceNumber >= sequenceNumber) return known;
    isNews = true;
    return { component: known.component, sequenceNumber, manifestDigest: digest };
  });
  const { pending, serviceLoad: _, ...rest } = inventory;
  const isOver = pending !== undefined && compareBytes(pending, digest) === 0;
  if (!isNews && !isOver) return inventory;
  const state = isOver ? 'idle' : rest.state;
  return {
    ...rest,
    ...(pending === undefined || isOver ? {} : { pending }),
    ...{ components: running, state, atMs: Math.max(atMs, inventory.atMs) },
  };
}
