import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import { objectionTo } from '../src/client/check-campaign.ts';
import type { OwnView } from '../src/client/check-campaign.ts';
import type { KnownNewest } from '../src/client/newest.ts';
import { freshness, hear } from '../src/client/newest.ts';
import { draw, waveOf } from '../src/policy/draw.ts';
import type { Campaign } from '../src/protocol.ts';
import { NewestRelease } from '../src/protocol.ts';
import {
  bytes16,
  campaignBytes,
  digestFor,
  lampClass,
  operatorKey,
  otherClass,
  startMs,
  testKey,
  vendor,
} from './world.ts';

const day = 86_400_000;
const operators = [operatorKey.public];
const own = { operators, vendor, class: lampClass, nowMs: startMs };

const statement = (changes: Partial<NewestRelease> = {}, key = operatorKey) =>
  signAttached(
    key,
    write(NewestRelease, {
      ...{ version: 1, vendor, class: lampClass, manifestDigest: digestFor(3), sequenceNumber: 3 },
      ...{ created: startMs, expires: startMs + 7 * day },
      ...changes,
    }),
  );

function believed(heard: ReturnType<typeof hear>): KnownNewest {
  assert.equal(heard.end, 'believed');
  return heard.end === 'believed' ? heard.known : assert.fail();
}

test('a device that is served old state for ever notices: the word of the newest release runs out', () => {
  const known = believed(hear(statement(), undefined, own));
  assert.equal(freshness(known, 3, startMs + day), undefined);
  assert.equal(freshness(known, 2, startMs + day), 'sequence number 3 is released, this device runs 2');
  assert.equal(
    freshness(known, 3, startMs + 8 * day),
    'this device may be kept in the past: ' +
      'no operator has told since 2026-01-08T00:00:00.000Z which release is the newest',
  );
  assert.match(freshness(undefined, 3, startMs) ?? '', /no operator has told yet/);
  const renewed = statement({ created: startMs + 7 * day, expires: startMs + 14 * day });
  const later = believed(hear(renewed, known, { ...own, nowMs: startMs + 8 * day }));
  assert.equal(freshness(later, 3, startMs + 8 * day), undefined);
});

test('a release that is withdrawn is not the newest any more: the later word counts', () => {
  const known = believed(hear(statement(), undefined, own));
  const heard = hear(statement({ created: startMs + 1, sequenceNumber: 2 }), known, own);
  assert.equal(heard.end === 'believed' ? heard.known.sequenceNumber : heard.because, 2);
});

test('an older word, one of another, or one that would hold too long is not believed', () => {
  const known = believed(hear(statement({ created: startMs - 5 }), undefined, own));
  const refusals: readonly (readonly [Uint8Array, RegExp])[] = [
    [statement({ created: startMs - 6 }), /^expected a statement since .* found one of/],
    [statement({ class: otherClass }), /^expected the newest release of class/],
    [statement({ created: startMs + day }), /^expected a statement of the past/],
    [statement({ expires: startMs + 400 * day }), /^expected a statement for at most/],
    [statement({ expires: startMs - 1 }), /^expected a statement for at most/],
    [statement({}, testKey('author')), /^newest release: /],
    [statement().with(30, 9), /^newest release: /],
  ];
  for (const [signed, expected] of refusals) {
    const heard = hear(signed, known, own);
    assert.equal(heard.end, 'refused');
    assert.match(heard.end === 'refused' ? heard.because : '', expected);
  }
});

const campaign = (changes: Partial<Campaign> = {}) => campaignBytes('c1', 2, startMs, changes);
const offer = { campaign: bytes16('c1'), digest: digestFor(2) };
const device: OwnView = { ...own, device: 'lamp-1', attributes: new Map([['flash', 100]]) };

test('S4-133: a device holds an offer to what an operator has signed, whatever the tracker says', () => {
  assert.equal(objectionTo(offer, campaign(), device), undefined);
  assert.equal(objectionTo(offer, campaign({ predicate: 'flash >= 100' }), device), undefined);
  const ofTags = campaign({ predicate: 'tag.site == "a" and flash >= 100' });
  assert.equal(objectionTo(offer, ofTags, device), undefined, 'its tags it can’t see');
  const refusals: readonly (readonly [Uint8Array, RegExp, Partial<OwnView>?])[] = [
    [
      campaign({ predicate: 'flash > 100' }),
      /^expected a campaign for this device, found one for devices with flash > 100$/,
    ],
    [campaign({ predicate: 'zone == "Europe/Berlin"' }), /^expected a campaign for this device/],
    [campaign({ predicate: 'tag.site == "a" and flash > 100' }), /^expected a campaign for this device/],
    [campaign({ predicate: 'flash >' }), /^predicate: at character 8: /],
    [campaign({ manifestDigest: digestFor(3) }), /^expected the manifest .* in the offer$/],
    [campaign({ id: bytes16('c2') }), /^expected the campaign c1c1.* found c2c2/],
    [campaign({ class: otherClass }), /^expected a campaign for class/],
    [
      campaign(),
      /^expected a campaign that has not expired, found one that has$/,
      { nowMs: startMs + 2 * day },
    ],
    [campaign(), /^campaign: /, { operators: [testKey('author').public] }],
    [campaign().with(40, 1), /^campaign: /],
  ];
  for (const [signed, expected, changes] of refusals) {
    assert.match(objectionTo(offer, signed, { ...device, ...changes }) ?? '', expected);
  }
});

test('S4-133: no device follows an offer before its own wave may open, which it works out itself', () => {
  const waves = [10, 1000];
  const signed = campaign({ waves, soakMs: day });
  const id = 'c1'.repeat(16);
  const names = Array.from({ length: 500 }, (_, index) => `lamp-${index}`);
  const canary = names.find((name) => waveOf(draw(id, name), waves) === 0) ?? '';
  const other = names.find((name) => waveOf(draw(id, name), waves) === 1) ?? '';
  const at = (name: string, nowMs: number | undefined) =>
    objectionTo(offer, signed, { ...device, device: name, nowMs });
  assert.equal(at(canary, startMs), undefined);
  assert.match(
    at(other, startMs) ?? '',
    /^expected an offer when wave 2 may open, found one 86400000 ms before$/,
  );
  assert.equal(at(other, startMs + day - 1), undefined);
  assert.equal(at(other, undefined), undefined, 'who has no clock waits for nothing');
});
