/**
 * What a device runs by its report: success is its signed word that the manifest runs, beyond its trial. A
 * report has no number among the check-ins, and each of them may come late: what ran once in a session runs
 * until that ends, because a device goes back only by starting again.
 */
import { compareBytes } from '@lapel/cbor';
import type { InstalledComponent } from '../protocol.ts';
import type { Inventory, Session, Target } from './fleet.ts';
import { sameComponent } from './fleet.ts';

/** Of a session, what tells it from others. */
export const sessionId = ({ tokenHash }: Pick<Session, 'tokenHash'>): Uint8Array =>
  tokenHash.slice(0, sessionBytes);
const sessionBytes = 8;

export const isOf = (session: Pick<Session, 'tokenHash'> | undefined, said: Uint8Array): session is Session =>
  session !== undefined && compareBytes(sessionId(session), said) === 0;

/**
 * What it has said of itself, with what the report adds: of its components, those that the manifest is about.
 * A report may come late, and never says that anything older runs. What it does not tell of (its version, how
 * its image measures, its load) is not known until it checks in again.
 */
export function afterSuccess(
  inventory: Inventory | undefined,
  { components, sequenceNumber, digest }: Target,
  { atMs, session }: { readonly atMs: number; readonly session: Session | undefined },
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
    ...(session === undefined ? {} : { reportedIn: sessionId(session) }),
    ...{ components: running, state, atMs: Math.max(atMs, inventory.atMs) },
  };
}

/** What a check-in says, where a report of the same session may have said more: it was made before that. */
export function besideReports(known: Inventory | undefined, said: Inventory, session: Session): Inventory {
  const { reportedIn } = known ?? {};
  if (known === undefined || reportedIn === undefined) return said;
  if (!isOf(session, reportedIn)) return said;
  const knownOf = ({ component }: InstalledComponent) =>
    known.components.find((each) => sameComponent(each.component, component));
  const components = said.components.map((each) => {
    const before = knownOf(each);
    return before !== undefined && before.sequenceNumber > each.sequenceNumber ? before : each;
  });
  const { pending, ...rest } = said;
  const isKnown = (each: InstalledComponent) => knownOf(each)?.sequenceNumber === each.sequenceNumber;
  const isOver =
    pending === undefined
      ? said.state === 'awaiting-confirmation' && components.every(isKnown)
      : components.some((each) => compareBytes(each.manifestDigest, pending) === 0);
  if (!isOver && components.every((each, at) => each === said.components[at])) return said;
  const under = isOver ? known : said;
  return {
    ...{ ...rest, state: under.state, components, reportedIn },
    ...(under.pending === undefined ? {} : { pending: under.pending }),
  };
}
