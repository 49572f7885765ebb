/** What is read beside envelopes: reports, orders about trust, texts, and descriptions of updates. */

import { DescriptionError, parseDescription } from '@lapel/author';
import { CborError, encode, read, write } from '@lapel/cbor';
import { encodeVerificationKey, signAttached, signDetached } from '@lapel/cose';
import {
  Report,
  SuitError,
  Text,
  TrustOrder,
  capabilities,
  digestOf,
  failureResult,
  openReport,
  openTrustOrder,
  peekTrustOrder,
  signTrustOrder,
  trustOrderVersion,
} from '@lapel/suit';
import { component, vendor } from './firmware.ts';
import { seededSigningKey } from './fuzz-keys.ts';
import { lamp } from './fuzz-samples.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { refusing, requireWritten, target } from './fuzz-target.ts';
import { mutant } from './fuzz-tree.ts';

export function suitTargets(seed: number): readonly FuzzTarget[] {
  const texts = write(Text, { rest: [['en', { updateDescription: 'New light', rest: [[component, {}]] }]] });
  const described = new TextEncoder().encode(description);
  return [
    reportTarget(seed),
    ...orderTargets(seed),
    target('suit: text', [texts], CborError, (input) =>
      requireWritten(input, write(Text, read(Text, input))),
    ),
    target('author: description', [described], DescriptionError, (input) => {
      parseDescription(new TextDecoder().decode(input));
    }),
  ];
}

const description = `sequence: 3
vendor: lapel.example
class: lamp
components:
  - component: [main, 0x00]
    slots: [{ image: a.bin, slot: 0 }, { image: b.bin, slot: 1, integrated: true }]
    bootable: true
  - { component: radio, image: radio.bin, uri: "coap://example.com/radio" }
severable: [install, text]
text: { en: { manifest: For lamps } }
`;

/** Signed anew after the change, as a device does that is trusted and makes mistakes. */
function reportTarget(seed: number): FuzzTarget {
  const key = seededSigningKey(seed);
  const digest = digestOf({ algorithm: 'sha-256', bytes: new Uint8Array(32) });
  const record = { manifestId: [0], section: 20, offset: 3, component: 0, properties: { imageSize: 9 } };
  const original = write(Report, {
    nonce: new Uint8Array(16),
    records: [record, { systemComponent: component, imageSize: 9 }],
    result: failureResult('operation-failed', record),
    capability: capabilities({}, [{ component, andBelow: true }], [-9]),
    reference: ['http://example.com/m', digest],
  });
  return {
    name: 'report, signed anew',
    draw(random) {
      const payload = mutant(original, random);
      const input =
        random.below(8) === 0 ? mutant(signAttached(key, payload), random) : signAttached(key, payload);
      return { input, check: refusing(SuitError, () => void openReport(input, [key.public])) };
    },
  };
}

/** As they stand, and with the seal of somebody who may give orders and gives wrong ones. */
function orderTargets(seed: number): readonly FuzzTarget[] {
  const [key, heir] = [seededSigningKey(seed), seededSigningKey(seed + 1)];
  const grant = {
    key: encodeVerificationKey(heir.public),
    group: 'authors',
    components: [component],
    directives: ['directive-write', 'directive-fetch'],
    delegates: true,
  } as const;
  const order: TrustOrder = {
    version: trustOrderVersion,
    sequenceNumber: 1,
    vendor,
    class: lamp,
    changes: [grant, { key: grant.key, state: 'revoked' }],
  };
  const sealed = signTrustOrder(order, key, [heir]);
  const content = write(TrustOrder, order);
  const anew: FuzzTarget = {
    name: 'trust order, signed anew',
    draw(random) {
      const input = mutant(content, random);
      return { input, check: refusing(SuitError, () => void open(sealing(input))) };
    },
  };
  const sealing = (payload: Uint8Array) =>
    encode([
      signAttached(key, payload, 'application/vnd.lapel.trust-order+cbor'),
      [signDetached(heir, payload)],
    ]);
  const open = (input: Uint8Array) => openTrustOrder(input, [key.public]).isProvedBy(heir.public);
  return [
    anew,
    target('trust order', [sealed], SuitError, (input) => void open(input)),
    target('trust order, unproved', [sealed], SuitError, (input) => void peekTrustOrder(input)),
  ];
}
