/**
 * One X.509 certificate (RFC 5280) of a device or of who made it. P-256 with SHA-256, and Ed25519, are all
 * that is spoken; a critical extension that nobody here knows is refused (§4.2).
 */
import { X509Certificate } from 'node:crypto';
import { compareBytes, hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { readKeyPem } from '@lapel/cose';
import { Problem } from '@lapel/transport';
import type { DerItem } from './der.ts';
import { DerError, booleanOf, countOf, expectTag, itemsOf, readDer, tags } from './der.ts';

export interface Certificate {
  readonly der: Uint8Array;
  readonly x509: X509Certificate;
  readonly key: VerificationKey;
  /** In hexadecimal. */
  readonly serial: string;
  /** For people, and to tell one refusal from another. */
  readonly name: string;
  readonly subject: Subject;
  readonly isCa: boolean;
  /** How many CAs may stand between it and a device's certificate; undefined where it does not say. */
  readonly pathLength: number | undefined;
  /** §4.2.1.3; undefined where it does not say. */
  readonly usage: { readonly signs: boolean; readonly certifies: boolean } | undefined;
  /** §4.2.1.12: what its key may be used for, as OIDs; undefined where it does not say. */
  readonly purposes: readonly string[] | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What a subject says that decides something here; each may come several times. */
export interface Subject {
  /** Common names and serial numbers: who the device is. */
  readonly ids: readonly string[];
  /** Organisational units: what it is. */
  readonly units: readonly string[];
}

/** AlgorithmIdentifiers, whole: their parameters are part of what they name. */
const keyAlgorithms: readonly string[] = [
  // RFC 5480 §2.1.1: an EC key on P-256. RFC 8410 §3: Ed25519.
  '301306072a8648ce3d020106082a8648ce3d030107',
  '300506032b6570',
];
const signatureAlgorithms: readonly string[] = [
  // RFC 5758 §3.2: ECDSA with SHA-256.
  '300a06082a8648ce3d040302',
  '300506032b6570',
];
const attributes = { commonName: '550403', serialNumber: '550405', unit: '55040b' } as const;
const extensions = { keyUsage: '551d0f', basicConstraints: '551d13', purposes: '551d25' } as const;
const known: readonly string[] = Object.values(extensions);

/** Certificates that a channel has proved, where the first is of this key: then they are the device's own. */
export function ofKey(
  shown: readonly Uint8Array[] | undefined,
  { kid }: Pick<VerificationKey, 'kid'>,
): readonly Uint8Array[] | undefined {
  const [own] = shown ?? [];
  if (own === undefined) return undefined;
  try {
    return compareBytes(readCertificate(own).key.kid, kid) === 0 ? shown : undefined;
  } catch (error) {
    // One of a kind that no device has, such as a gateway's with an RSA key.
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** @throws {Problem} `bad-request` where it is none, `unprocessable` where it is of another kind. */
export function readCertificate(der: Uint8Array): Certificate {
  try {
    const fields = fieldsOf(der);
    const x509 = new X509Certificate(der);
    const pem = x509.publicKey.export({ type: 'spki', format: 'pem' });
    const key = readKeyPem(String(pem));
    if (key.use !== 'verify') throw new DerError('expected a public key, found another');
    return {
      ...fields,
      der,
      x509,
      key,
      serial: x509.serialNumber.toLowerCase(),
      name: nameText(x509.subject),
      notBeforeMs: timeOf(x509.validFromDate),
      notAfterMs: timeOf(x509.validToDate),
    };
  } catch (error) {
    if (!(error instanceof DerError) && !isFromOpenSsl(error)) throw error;
    throw new Problem('bad-request', `certificate: ${error.message}`, { cause: error });
  }
}

/** As one line that a terminal and an audit can bear: names come from outside. */
export const nameText = (lines: string): string =>
  lines
    .replaceAll('\n', ', ')
    .replaceAll(/\p{C}+/gu, '?')
    .slice(0, 128);

/** A time that is none of a calendar is read as not a number. */
function timeOf(date: Date): number {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw new DerError('expected a time of a calendar, found another');
  return ms;
}

/** Of what it can't read it says so with a code of its own. */
const isFromOpenSsl = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && /^ERR_(OSSL|CRYPTO)/.test(String(error.code));

function fieldsOf(der: Uint8Array) {
  const [body, outer] = itemsOf(readDer(der, tags.sequence));
  const [version, , algorithm, , , subject, publicKey, ...rest] = itemsOf(expectTag(body, tags.sequence));
  const [number] = itemsOf(expectTag(version, tags.version));
  // §4.1.2.1: extensions make it a version 3, which is written as 2.
  if (countOf(expectTag(number, tags.integer)) !== 2) throw new DerError('expected version 3, found another');
  const named = wholeHex(expectTag(algorithm, tags.sequence));
  if (named !== wholeHex(expectTag(outer, tags.sequence))) {
    throw new DerError('expected the same algorithm twice (RFC 5280 §4.1.1.2), found two');
  }
  requireKind('a signature by ECDSA with SHA-256 or Ed25519', signatureAlgorithms, named);
  const [keyAlgorithm] = itemsOf(expectTag(publicKey, tags.sequence));
  requireKind('a key on P-256 or Ed25519', keyAlgorithms, wholeHex(expectTag(keyAlgorithm, tags.sequence)));
  return { subject: subjectOf(expectTag(subject, tags.sequence)), ...termsOf(extensionsOf(rest)) };
}

function requireKind(expected: string, kinds: readonly string[], found: string): void {
  if (!kinds.includes(found)) {
    throw new Problem('unprocessable', `certificate: expected ${expected}, found another (${found})`);
  }
}

const wholeHex = ({ whole }: DerItem): string => hex(whole);

/** By their OIDs. */
function extensionsOf(rest: readonly DerItem[]): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const tagged = rest.find(({ tag }) => tag === tags.extensions);
  if (tagged === undefined) return found;
  for (const each of itemsOf(readDer(tagged.content, tags.sequence))) {
    const parts = itemsOf(expectTag(each, tags.sequence));
    const oid = hex(expectTag(parts[0], tags.oid).content);
    const [, flag] = parts.length === 3 ? parts : [];
    if (flag !== undefined && booleanOf(flag) && !known.includes(oid)) {
      throw new DerError(`expected no critical extension that is not known here, found ${oid}`);
    }
    // §4.2: an extension stands there once.
    if (found.has(oid)) throw new DerError(`expected each extension once, found ${oid} twice`);
    found.set(oid, expectTag(parts.at(-1), tags.octetString).content);
  }
  return found;
}

function termsOf(found: ReadonlyMap<string, Uint8Array>) {
  const [constraints, usage, purposes] = [
    extensions.basicConstraints,
    extensions.keyUsage,
    extensions.purposes,
  ].map((oid) => found.get(oid));
  const [first, second] = constraints === undefined ? [] : itemsOf(readDer(constraints, tags.sequence));
  const isCa = first?.tag === tags.boolean && booleanOf(first);
  return {
    isCa,
    pathLength: isCa && second !== undefined ? countOf(second) : undefined,
    usage: usage === undefined ? undefined : usageOf(readDer(usage, tags.bitString)),
    purposes:
      purposes === undefined
        ? undefined
        : itemsOf(readDer(purposes, tags.sequence)).map((each) => hex(expectTag(each, tags.oid).content)),
  };
}

/** §4.2.1.3: bit 0 is digitalSignature, bit 5 keyCertSign; the first byte says how many bits are unused. */
function usageOf({ content: [, bits = 0] }: DerItem) {
  return { signs: (bits & 0x80) !== 0, certifies: (bits & 0x04) !== 0 };
}

/** §4.1.2.4: a sequence of sets of attributes. */
function subjectOf(subject: DerItem): Subject {
  const pairs = itemsOf(subject).flatMap((set) =>
    itemsOf(expectTag(set, tags.set)).map((each) => {
      const [oid, value] = itemsOf(expectTag(each, tags.sequence));
      return [hex(expectTag(oid, tags.oid).content), textOf(value)] as const;
    }),
  );
  const valuesOf = (...oids: readonly string[]) =>
    pairs.flatMap(([oid, value]) => (oids.includes(oid) && value !== undefined ? [value] : []));
  return {
    ids: valuesOf(attributes.commonName, attributes.serialNumber),
    units: valuesOf(attributes.unit),
  };
}

/** UTF8String, PrintableString, IA5String: in which ids are written. What is none of them names nobody. */
const textTags = [0x0c, 0x13, 0x16];
const textOf = (item: DerItem | undefined): string | undefined =>
  item !== undefined && textTags.includes(item.tag) ? new TextDecoder().decode(item.content) : undefined;
