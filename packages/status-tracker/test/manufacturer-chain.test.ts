import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeVerificationKey, generateSigningKey, publicKeyOf } from '@lapel/cose';
import type { VerificationKey } from '@lapel/cose';
import { uuidText } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import type { Manufacturer } from '../src/server/enrolment/enrolment-store.ts';
import { checkChain } from '../src/server/enrolment/manufacturer-chain.ts';
import {
  deviceCertificate,
  extension,
  item,
  makeCertificate,
  middle,
  middleCertificate,
  root,
  rootCertificate,
  usages,
} from './certificates.ts';
import { manufacturerOf } from './fleet-enrolment-suite.ts';
import { bytes16, lampClass, otherClass, startMs, testKey, vendor } from './world.ts';

const acme = (changes: Partial<Manufacturer> = {}): Manufacturer =>
  manufacturerOf('acme', { certificate: rootCertificate(), ...changes });

const publicOf = (key: VerificationKey) => publicKeyOf(encodeVerificationKey(key));
const lamp = { device: 'lamp-1', vendor, class: lampClass, key: publicOf(testKey('lamp-1').public) };

/** The serial number that lets the device in, or what is wrong. */
function judged(
  chain: readonly Uint8Array[],
  { applicant = lamp, manufacturers = [acme()], nowMs = startMs } = {},
): string {
  try {
    return checkChain(chain, applicant, manufacturers, nowMs).serial;
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    return `${error.code}: ${error.message}`;
  }
}

const leaf = (changes: Parameters<typeof deviceCertificate>[1] = {}) => deviceCertificate('lamp-1', changes);
const byMiddle = (changes: Parameters<typeof deviceCertificate>[1] = {}) =>
  leaf({ issuer: middle, ...changes });

test('S2-04, S2-08: a chain of at most three to an enrolled manufacturer lets a device in', () => {
  assert.equal(judged([leaf()]), '0a01');
  assert.equal(judged([leaf(), rootCertificate()]), '0a01', 'the manufacturer’s own may stand at its end');
  assert.equal(judged([byMiddle(), middleCertificate()]), '0a01');
  assert.equal(judged([byMiddle(), middleCertificate(), rootCertificate()]), '0a01');
  const own = acme({ certificate: middleCertificate() });
  assert.equal(judged([byMiddle()], { manufacturers: [own] }), '0a01', 'a root is not needed');
});

test('S2-08: keys on P-256 are as good as Ed25519, and the serial number of a subject as its name', () => {
  const [authority, key] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
  const issuer = { subject: root.subject, key: authority };
  const manufacturers = [acme({ certificate: rootCertificate({ issuer, key: authority.public }) })];
  const subject = [
    ['cn', 'a lamp'],
    ['serial', 'lamp-1'],
  ] as const;
  const chain = [leaf({ issuer, key: key.public, subject })];
  assert.equal(judged(chain, { manufacturers, applicant: { ...lamp, key: publicOf(key.public) } }), '0a01');
});

test('S2-08: whose certificate it is not gets nothing by it', () => {
  const thief = { ...lamp, key: publicOf(testKey('thief').public) };
  assert.match(
    judged([leaf()], { applicant: thief }),
    /^forbidden: certificate: expected a certificate of the device's key \w+, found one of/,
  );
  const other = { ...lamp, device: 'lamp-2' };
  assert.match(
    judged([leaf()], { applicant: other }),
    /expected a certificate for lamp-2 \(CN or serialNumber\), found one for CN=lamp-1/,
  );
  const foreign = { ...lamp, vendor: bytes16('bb') };
  assert.match(
    judged([leaf()], { applicant: foreign }),
    /expected a manufacturer of vendor bbbb.*, found an issuer that is none: O=Acme, CN=Acme Root/,
  );
  assert.match(judged([leaf()], { manufacturers: [] }), /expected a manufacturer of vendor/);
});

test('S2-08: a lamp’s certificate lets no lock in', () => {
  const lock = { ...lamp, class: otherClass };
  assert.match(
    judged([leaf()], { applicant: lock }),
    new RegExp(
      `^forbidden: .* expected a device of class ${uuidText(lampClass)}, found ${uuidText(otherClass)}`,
    ),
  );
  // Of a manufacturer with both classes, the certificate itself says which it is for.
  const manufacturers = [acme({ classes: [lampClass, otherClass] })];
  const forLamp = leaf({
    subject: [
      ['cn', 'lamp-1'],
      ['ou', uuidText(lampClass)],
    ],
  });
  assert.equal(judged([forLamp], { manufacturers }), '0a01');
  assert.match(
    judged([forLamp], { manufacturers, applicant: lock }),
    /expected a certificate for class .* \(OU\), found one for CN=lamp-1, OU=/,
  );
  assert.match(judged([leaf()], { manufacturers }), /expected a certificate for class/);
});

test('S2-08: a certificate counts from its first to its last second, and so does its issuer’s', () => {
  const [notBeforeMs, notAfterMs] = [startMs, startMs + 60_000];
  for (const chain of [
    [leaf({ notBeforeMs, notAfterMs })],
    [byMiddle(), middleCertificate({ notBeforeMs, notAfterMs })],
  ]) {
    assert.equal(judged(chain), '0a01');
    assert.equal(judged(chain, { nowMs: notAfterMs }), '0a01');
    const early = judged(chain, { nowMs: notBeforeMs - 1000 });
    assert.match(
      early,
      /valid at 2025-12-31T23:59:59.000Z, found CN=.* from 2026-01-01T00:00:00.000Z to 2026-01-01T00:01:00/,
    );
    assert.match(judged(chain, { nowMs: notAfterMs + 1000 }), /expected a certificate that is valid at/);
  }
  const expired = [acme({ certificate: rootCertificate({ notBeforeMs, notAfterMs }) })];
  assert.match(
    judged([leaf()], { manufacturers: expired, nowMs: notAfterMs + 1000 }),
    /found O=Acme, CN=Acme Root, valid/,
  );
});

test('S2-08: only a CA certifies, and only as deep as it may', () => {
  assert.match(
    judged([leaf({ ca: {} })]),
    /expected the certificate of a device, found CN=lamp-1, which is a CA's/,
  );
  const noCa = deviceCertificate('Acme Lamps', { key: middle.key.public, subject: middle.subject });
  assert.match(
    judged([byMiddle(), noCa]),
    /expected a CA as the issuer of CN=lamp-1, found CN=Acme Lamps, which is none/,
  );
  const mayNot = middleCertificate({ usage: usages.signs });
  assert.match(
    judged([byMiddle(), mayNot]),
    /expected an issuer that may certify \(keyCertSign\), found CN=Acme Lamps/,
  );
  const flat = [acme({ certificate: rootCertificate({ ca: { pathLength: 0 } }) })];
  assert.equal(judged([leaf()], { manufacturers: flat }), '0a01');
  assert.match(
    judged([byMiddle(), middleCertificate()], { manufacturers: flat }),
    /expected at most 0 CAs below O=Acme, CN=Acme Root, found 1/,
  );
  const deep = [acme({ certificate: rootCertificate({ ca: { pathLength: 1 } }) })];
  assert.equal(judged([byMiddle(), middleCertificate()], { manufacturers: deep }), '0a01');
});

test('S2-08: a key does what its certificate says it is for', () => {
  assert.equal(judged([leaf({ usage: null })]), '0a01', 'one that says nothing is for all');
  assert.match(
    judged([leaf({ usage: usages.nothing })]),
    /expected a key that may sign \(digitalSignature\), found CN=lamp-1/,
  );
  const [client, server, any] = ['2b06010505070302', '2b06010505070301', '551d2500'];
  assert.equal(judged([leaf({ purposes: [server, client] })]), '0a01');
  assert.equal(judged([leaf({ purposes: [any] })]), '0a01');
  assert.match(
    judged([leaf({ purposes: [server] })]),
    /expected a key that may prove a client \(clientAuth\), found CN=lamp-1/,
  );
});

test('S2-08: a signature, a name or a chain that does not fit is refused', () => {
  const forger = { subject: root.subject, key: testKey('forger') };
  assert.match(judged([leaf({ issuer: forger })]), /expected a manufacturer of vendor/);
  const forged = middleCertificate({ issuer: forger });
  assert.match(
    judged([byMiddle(), forged, rootCertificate()]),
    /expected CN=Acme Lamps to be signed by O=Acme, CN=Acme Root, found another signature/,
  );
  assert.match(
    judged([leaf(), middleCertificate()]),
    /expected CN=lamp-1 to be signed by CN=Acme Lamps/,
    'what does not belong there',
  );
  const broken = byMiddle();
  broken[broken.length - 1] = broken[broken.length - 1]! ^ 1;
  assert.match(judged([broken, middleCertificate()]), /expected CN=lamp-1 to be signed by CN=Acme Lamps/);
  const named = leaf({ issuer: { subject: [['cn', 'Another']], key: root.key } });
  assert.match(judged([named]), /found an issuer that is none: CN=Another/);
});

test('S2-08: no certificate of a chain may be revoked', () => {
  for (const revoked of ['0a01', '20'])
    assert.match(
      judged([byMiddle(), middleCertificate()], { manufacturers: [acme({ revoked: [revoked] })] }),
      /expected a certificate that is not revoked, found (0a01 of CN=lamp-1|20 of CN=Acme Lamps), which is/,
    );
  assert.equal(
    judged([byMiddle(), middleCertificate()], { manufacturers: [acme({ revoked: ['01'] })] }),
    '0a01',
  );
});

test('S2-08: what is no certificate that is spoken here is refused with what was expected', () => {
  assert.match(
    judged([new Uint8Array([0x30, 0x00])]),
    /^bad-request: certificate: expected an item with tag 0x30, found none/,
  );
  assert.match(
    judged([Uint8Array.from(Buffer.from('-----BEGIN CERTIFICATE-----'))]),
    /^bad-request: certificate: expected/,
  );
  const longer = new Uint8Array([...leaf(), 0]);
  assert.match(
    judged([longer]),
    /^bad-request: certificate: expected one item of \d+ bytes, found \d+ bytes/,
  );
  assert.match(judged([leaf({ version: 1 })]), /expected version 3, found another/);
  assert.match(
    judged([leaf({ innerAlgorithm: '300a06082a8648ce3d040302' })]),
    /expected the same algorithm twice/,
  );
  const p384 = generateSigningKey('P-384');
  assert.match(
    judged([leaf({ key: p384.public })]),
    /^unprocessable: certificate: expected a key on P-256 or Ed25519, found another/,
  );
  const issuer = { subject: root.subject, key: generateSigningKey('P-256') };
  assert.match(
    judged([leaf({ issuer, hash: 'sha384' })]),
    /^unprocessable: certificate: expected a signature by ECDSA with SHA-256 or Ed25519/,
  );
  // §4.2.1.10: name constraints, which would narrow what the certificate is good for.
  const constraints = extension('551d1e', item(0x30));
  assert.match(
    judged([leaf({ further: [constraints] })]),
    /expected no critical extension that is not known here, found 551d1e/,
  );
  assert.equal(judged([leaf({ further: [extension('551d1e', item(0x30), false)] })]), '0a01');
  const twice = extension('551d0f', item(0x03, Uint8Array.of(7, usages.signs)));
  assert.match(judged([leaf({ further: [twice] })]), /expected each extension once, found 551d0f twice/);
});

test('S2-08: a certificate with any byte changed lets nobody in, and breaks nothing', () => {
  const chain = [byMiddle(), middleCertificate()];
  const changed: string[] = [];
  for (const [place, certificate] of chain.entries()) {
    for (let at = 0; at < certificate.length; at++) {
      const copy = certificate.slice();
      copy[at] = copy[at]! ^ 0x01;
      const verdict = judged(chain.map((each, index) => (index === place ? copy : each)));
      if (!/^(bad-request|forbidden|unprocessable): /.test(verdict))
        changed.push(`${place}, byte ${at}: ${verdict}`);
    }
  }
  assert.deepEqual(changed, []);
});

test('S2-08: a certificate that is cut anywhere is refused', () => {
  const whole = leaf();
  for (let length = 0; length < whole.length; length++)
    assert.match(judged([whole.subarray(0, length)]), /^bad-request: certificate: /, `${length} bytes`);
});

test('S2-08: names of certificates are told as one line without what a terminal obeys', () => {
  const nasty = makeCertificate({
    subject: [['cn', `evil\u001b[31m\n${'x'.repeat(300)}`]],
    key: testKey('lamp-1').public,
    issuer: root,
  });
  const verdict = judged([nasty]);
  assert.match(verdict, /found one for CN=evil/);
  assert.doesNotMatch(verdict, /[\u0000-\u001f]/);
  assert.ok(verdict.length < 300, verdict);
});
