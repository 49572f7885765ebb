/**
 * Images that nobody has at hand, known by their digests only: they can be compared, moved and invoked, and
 * not be looked into.
 */

import { unhex } from '@lapel/cbor';
import type { Answer, Effect, VirtualRecipient } from '@lapel/suit';
import { componentName } from '@lapel/suit';

export interface StandIn {
  /** In hex. */
  readonly digest: string;
  readonly sizeBytes?: number;
}

/** By `componentName`. */
export type StandIns = Map<string, StandIn>;

/** Performs an effect on a device whose components are bytes, or stand-ins. @throws {SuitError} */
export function performWithStandIns(effect: Effect, stood: StandIns, recipient: VirtualRecipient): Answer {
  const name = componentName(effect.component);
  const own = stood.get(name);
  switch (effect.do) {
    case 'digest':
      return own === undefined ? recipient.perform(effect) : digestOf(own, effect.sizeBytes);
    case 'invoke':
      return own === undefined ? recipient.perform(effect) : undefined;
    case 'write':
    case 'fetch': {
      const answer = recipient.perform(effect);
      stood.delete(name);
      return answer;
    }
    case 'copy':
    case 'swap': {
      const source = componentName(effect.source);
      const theirs = stood.get(source);
      const isEmpty = theirs === undefined && (recipient.components.get(source)?.length ?? 0) === 0;
      const areBytes = theirs === undefined && own === undefined;
      // What is encrypted can't be read out of a stand-in; out of an empty component, nothing can.
      if (areBytes || isEmpty || 'encryption' in effect) return recipient.perform(effect);
      return move(effect.do, name, source, { stood, recipient });
    }
    default:
      return recipient.perform(effect);
  }
}

const digestOf = ({ digest, sizeBytes }: StandIn, wanted: number | undefined): Uint8Array | undefined =>
  sizeBytes === undefined || wanted === undefined || sizeBytes === wanted ? unhex(digest) : undefined;

/** One of the two is a stand-in, or both. */
function move(
  how: 'copy' | 'swap',
  name: string,
  source: string,
  { stood, recipient: { components } }: { readonly stood: StandIns; readonly recipient: VirtualRecipient },
): void {
  const before = { standIn: stood.get(name), bytes: components.get(name) };
  put(name, stood.get(source), components.get(source));
  if (how === 'swap') put(source, before.standIn, before.bytes);

  function put(into: string, standIn: StandIn | undefined, bytes: Uint8Array | undefined): void {
    components.set(into, bytes ?? new Uint8Array());
    if (standIn === undefined) stood.delete(into);
    else stood.set(into, standIn);
  }
}
