/**
 * Whether a manufacturer that an operator has enrolled vouches for a device: from the certificate of its key
 * up to the manufacturer's own (RFC 5280 §6). Everything is looked at before the device is let in, and each
 * refusal says what was expected and found.
 */
import { compareBytes, hex } from '@lapel/cbor';
import type { PublicKey } from '@lapel/cose';
import { uuidBytes, uuidText } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import type { Admission } from '../fleet.ts';
import type { Certificate } from './certificate.ts';
import { nameText, readCertificate } from './certificate.ts';
import type { Manufacturer } from './enrolment-store.ts';

/** What a device says of itself, with the key that it has proved. */
export interface Applicant {
  readonly device: string;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly key: PublicKey;
}

/** @param chain in DER, that of the device's key first. @throws {Problem} */
export function checkChain(
  chain: readonly Uint8Array[],
  applicant: Applicant,
  manufacturers: readonly Manufacturer[],
  nowMs: number,
): Extract<Admission, { by: 'manufacturer' }> {
  const [leaf, ...others] = chain.map(readCertificate);
  if (leaf === undefined) throw new Problem('bad-request', 'expected a certificate, found none');
  // Cheap before dear: whose it is, before what signatures say.
  if (compareBytes(leaf.key.kid, applicant.key.kid) !== 0) {
    throw refusal(
      `a certificate of the device's key ${hex(applicant.key.kid)}`,
      `one of ${hex(leaf.key.kid)}`,
    );
  }
  if (!leaf.subject.ids.includes(applicant.device)) {
    throw refusal(`a certificate for ${applicant.device} (CN or serialNumber)`, `one for ${leaf.name}`);
  }
  requireDevice(leaf);
  const { manufacturer, path } = pathOf([leaf, ...others], applicant.vendor, manufacturers);
  for (const each of path) requireValid(each, nowMs);
  for (const [place, child] of path.slice(0, -1).entries()) requireIssued(child, path[place + 1]!, place);
  for (const { serial, name } of path.slice(0, -1)) {
    if (manufacturer.revoked.includes(serial)) {
      throw refusal('a certificate that is not revoked', `${serial} of ${name}, which is`);
    }
  }
  requireClass(leaf, applicant.class, manufacturer);
  return { by: 'manufacturer', name: manufacturer.name, serial: leaf.serial };
}

const refusal = (expected: string, found: string) =>
  new Problem('forbidden', `certificate: expected ${expected}, found ${found}`);

/** The given ones, and the manufacturer's own at their end, where it doesn't stand there already. */
function pathOf(given: readonly Certificate[], vendor: Uint8Array, manufacturers: readonly Manufacturer[]) {
  const last = given.at(-1)!;
  for (const manufacturer of manufacturers) {
    if (compareBytes(manufacturer.vendor, vendor) !== 0) continue;
    if (compareBytes(manufacturer.certificate, last.der) === 0 && given.length > 1) {
      return { manufacturer, path: given };
    }
    const anchor = readCertificate(manufacturer.certificate);
    if (last.x509.checkIssued(anchor.x509) && last.x509.verify(anchor.x509.publicKey)) {
      return { manufacturer, path: [...given, anchor] };
    }
  }
  const expected = `a manufacturer of vendor ${uuidText(vendor)} that an operator has enrolled`;
  throw refusal(expected, `an issuer that is none: ${nameText(last.x509.issuer)}`);
}

/** The key signs; the certificate does not make others. */
function requireDevice(leaf: Certificate): void {
  if (leaf.isCa) throw refusal('the certificate of a device', `${leaf.name}, which is a CA's`);
  if (leaf.usage !== undefined && !leaf.usage.signs) {
    throw refusal('a key that may sign (digitalSignature)', `${leaf.name}, whose key may not`);
  }
  // 1.3.6.1.5.5.7.3.2, clientAuth, or 2.5.29.37.0, any.
  const mayProve = leaf.purposes?.some((oid) => oid === '2b06010505070302' || oid === '551d2500') ?? true;
  if (!mayProve)
    throw refusal('a key that may prove a client (clientAuth)', `${leaf.name}, whose key may not`);
}

function requireValid({ name, notBeforeMs, notAfterMs }: Certificate, nowMs: number): void {
  if (notBeforeMs <= nowMs && nowMs <= notAfterMs) return;
  const [from, to, now] = [notBeforeMs, notAfterMs, nowMs].map((ms) => new Date(ms).toISOString());
  throw refusal(`a certificate that is valid at ${now}`, `${name}, valid from ${from} to ${to}`);
}

/** §6.1.4. @param below how many CAs stand between the parent and the device. */
function requireIssued(child: Certificate, parent: Certificate, below: number): void {
  if (!parent.isCa) throw refusal(`a CA as the issuer of ${child.name}`, `${parent.name}, which is none`);
  if (parent.usage !== undefined && !parent.usage.certifies) {
    throw refusal('an issuer that may certify (keyCertSign)', `${parent.name}, which may not`);
  }
  if (parent.pathLength !== undefined && below > parent.pathLength) {
    throw refusal(`at most ${parent.pathLength} CAs below ${parent.name}`, `${below}`);
  }
  if (!child.x509.checkIssued(parent.x509) || !child.x509.verify(parent.x509.publicKey)) {
    throw refusal(`${child.name} to be signed by ${parent.name}`, 'another signature');
  }
}

/**
 * A lamp's certificate lets no lock in: a manufacturer of one class is good for that one, and of one with
 * several the device's certificate must say which it is.
 */
function requireClass({ subject, name }: Certificate, product: Uint8Array, { classes }: Manufacturer): void {
  if (!classes.some((each) => compareBytes(each, product) === 0)) {
    throw refusal(`a device of class ${classes.map(uuidText).join(' or ')}`, uuidText(product));
  }
  if (classes.length === 1) return;
  const isNamed = subject.units.some((unit) => {
    const named = uuidBytes(unit);
    return named !== undefined && compareBytes(named, product) === 0;
  });
  if (!isNamed) throw refusal(`a certificate for class ${uuidText(product)} (OU)`, `one for ${name}`);
}
