/** An order about whom devices trust, in words: for whoever signs one, carries one, or looks at one. */

import { hex } from '@lapel/cbor';
import type { Outline } from '@lapel/author';
import { decodeVerificationKey } from '@lapel/cose';
import type { TrustOrder } from '@lapel/suit';
import {
  assignments,
  componentName,
  peekTrustOrder,
  server,
  trustAnchorsComponent,
  uuidText,
} from '@lapel/suit';
import { rightsOf, rightsText } from './anchor-words.ts';

type Fact = readonly [name: string, value: string];

/**
 * Undefined where a manifest brings none.
 * @throws {SuitError} where what it brings is no order.
 */
export function trustOrderIn({ manifest, envelope }: Pick<Outline, 'manifest' | 'envelope'>) {
  const isTrust = manifest.common.components?.some(
    (each) => componentName(each) === componentName(trustAnchorsComponent),
  );
  if (isTrust !== true) return undefined;
  const contents = assignments({ manifest, envelope }, server).map(({ parameters }) => parameters.content);
  const content = contents.find((each) => each !== undefined);
  return content === undefined ? undefined : peekTrustOrder(content);
}

export const trustOrderInWords = (order: TrustOrder): readonly Fact[] => [
  ['trust order', `number ${order.sequenceNumber}`],
  ...order.changes.map((change): Fact => ['trust', changeText(change)]),
];

/** For machines. */
export const trustOrderAsJson = ({ sequenceNumber, vendor, class: deviceClass, changes }: TrustOrder) => ({
  number: sequenceNumber,
  vendor: uuidText(vendor),
  class: uuidText(deviceClass),
  changes: changes.map(({ key, state = 'install', group, succeeds, ...rest }) => ({
    key: hex(decodeVerificationKey(key).kid),
    ...(succeeds === true ? { succeeds } : { state }),
    ...(group === undefined ? {} : { group }),
    ...(succeeds === true || state !== 'install' ? {} : rightsOf(rest)),
  })),
});

function changeText({ key, state = 'install', group, succeeds, ...rest }: TrustOrder['changes'][number]) {
  const named = `key ${hex(decodeVerificationKey(key).kid)}`;
  if (succeeds === true) return `${named} takes the place of whoever signs the order`;
  if (state === 'boot-only') return `${named} is retired: it vouches only for what is installed`;
  if (state === 'revoked') return `${named} is revoked for ever`;
  const as = group === undefined ? '' : ` as ${group}`;
  return `${named} is trusted${as}: it ${rightsText(rightsOf(rest))}`;
}
