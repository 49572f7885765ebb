/**
 * Certificates as a manufacturer would make them, and as somebody would who wants to get in without one:
 * DER written by hand (RFC 5280 §4.1), so that each field can be wrong.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { unhex } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { keyToPem } from '@lapel/cose';
import { startMs, testKey } from './world.ts';

export interface CertificateTerms {
  /** Of the subject: names of attributes and their values, in order. */
  readonly subject: readonly (readonly [keyof typeof attributes, string])[];
  readonly key: VerificationKey;
  readonly issuer: Issuer;
  readonly serial?: string;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** A CA, with so many CAs below it where it says so. */
  readonly ca?: { readonly pathLength?: number };
  /** The byte of the bits of its key usage; none where it is null. */
  readonly usage?: number | null;
  /** Extended key usages, as OIDs in hexadecimal. */
  readonly purposes?: readonly string[];
  readonly further?: readonly Uint8Array[];
  readonly version?: number;
  /** An AlgorithmIdentifier in hexadecimal, in place of the right one inside. */
  readonly innerAlgorithm?: string;
  readonly hash?: string;
}

export interface Issuer {
  readonly subject: CertificateTerms['subject'];
  readonly key: SigningKey;
}

export const usages = { signs: 0x80, certifies: 0x04, nothing: 0x20 } as const;
const attributes = { cn: '550403', serial: '550405', ou: '55040b', o: '55040a' } as const;
const algorithms = {
  'ecdsa-sha256': '300a06082a8648ce3d040302',
  'ecdsa-sha384': '300a06082a8648ce3d040303',
  ed25519: '300506032b6570',
} as const;
const yearMs = 365 * 24 * 3_600_000;

export function makeCertificate(terms: CertificateTerms): Uint8Array {
  const { key, issuer, serial = '01', notBeforeMs = startMs - yearMs, notAfterMs = startMs + yearMs } = terms;
  const named = algorithmOf(issuer.key, terms.hash);
  const spki = createPublicKey(keyToPem(key)).export({ type: 'spki', format: 'der' });
  const body = item(
    0x30,
    item(0xa0, item(0x02, Uint8Array.of(terms.version ?? 2))),
    item(0x02, hexBytes(serial)),
    hexBytes(terms.innerAlgorithm ?? named),
    nameOf(issuer.subject),
    item(0x30, timeOf(notBeforeMs), timeOf(notAfterMs)),
    nameOf(terms.subject),
    spki,
    item(0xa3, item(0x30, ...extensionsOf(terms))),
  );
  return item(
    0x30,
    body,
    hexBytes(named),
    item(0x03, Uint8Array.of(0), signatureOf(body, issuer.key, terms)),
  );
}

const algorithmOf = (key: SigningKey, hash = 'sha256'): string =>
  key.kind === 'Ed25519'
    ? algorithms.ed25519
    : algorithms[hash === 'sha256' ? 'ecdsa-sha256' : 'ecdsa-sha384'];

const signatureOf = (body: Uint8Array, key: SigningKey, { hash = 'sha256' }: CertificateTerms): Uint8Array =>
  sign(key.kind === 'Ed25519' ? null : hash, body, createPrivateKey(keyToPem(key)));

function extensionsOf({ ca, usage, purposes, further = [] }: CertificateTerms): readonly Uint8Array[] {
  const bits = usage === undefined ? (ca === undefined ? usages.signs : usages.certifies) : usage;
  const length = ca?.pathLength === undefined ? [] : [item(0x02, Uint8Array.of(ca.pathLength))];
  return [
    ...(ca === undefined
      ? []
      : [extension('551d13', item(0x30, item(0x01, Uint8Array.of(0xff)), ...length))]),
    ...(bits === null ? [] : [extension('551d0f', item(0x03, Uint8Array.of(2, bits)))]),
    ...(purposes === undefined
      ? []
      : [extension('551d25', item(0x30, ...purposes.map((oid) => item(0x06, hexBytes(oid)))))]),
    ...further,
  ];
}

export const extension = (oid: string, value: Uint8Array, isCritical = true): Uint8Array =>
  item(
    0x30,
    item(0x06, hexBytes(oid)),
    ...(isCritical ? [item(0x01, Uint8Array.of(0xff))] : []),
    item(0x04, value),
  );

const nameOf = (pairs: CertificateTerms['subject']): Uint8Array =>
  item(
    0x30,
    ...pairs.map(([name, value]) =>
      item(
        0x31,
        item(0x30, item(0x06, hexBytes(attributes[name])), item(0x0c, new TextEncoder().encode(value))),
      ),
    ),
  );

/** §4.1.2.5: two digits for the year until 2049, four beyond. */
function timeOf(ms: number): Uint8Array {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isShort = ms < Date.UTC(2050, 0, 1);
  return item(isShort ? 0x17 : 0x18, new TextEncoder().encode(isShort ? text.slice(2) : text));
}

export function item(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...head), ...parts]));
}

const hexBytes = (text: string): Uint8Array => unhex(text) ?? new Uint8Array();

/** A manufacturer's root, and what it certifies. */
export const root: Issuer = {
  subject: [
    ['o', 'Acme'],
    ['cn', 'Acme Root'],
  ],
  key: testKey('acme root'),
};
export const middle: Issuer = { subject: [['cn', 'Acme Lamps']], key: testKey('acme lamps') };

export const rootCertificate = (changes: Partial<CertificateTerms> = {}): Uint8Array =>
  makeCertificate({ subject: root.subject, key: root.key.public, issuer: root, ca: {}, ...changes });

export const middleCertificate = (changes: Partial<CertificateTerms> = {}): Uint8Array =>
  makeCertificate({
    subject: middle.subject,
    key: middle.key.public,
    issuer: root,
    ca: {},
    serial: '20',
    ...changes,
  });

/** Of a device, by the root. */
export const deviceCertificate = (id: string, changes: Partial<CertificateTerms> = {}): Uint8Array =>
  makeCertificate({
    subject: [['cn', id]],
    key: testKey(id).public,
    issuer: root,
    serial: '0a01',
    notAfterMs: Date.UTC(9999, 11, 31, 23, 59, 59),
    ...changes,
  });
