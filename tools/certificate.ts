/**
 * A certificate for localhost that nobody else has signed (RFC 5280), written in DER by hand: Node can read
 * one, but not make one.
 */
import { generateKeyPairSync, sign } from 'node:crypto';

export interface Certificate {
  /** PEM */
  readonly cert: string;
  /** PEM */
  readonly key: string;
}

export function selfSigned(name: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const commonName = sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from(name)));
  const distinguishedName = sequence(tlv(0x31, commonName));
  const alternativeName = sequence(tlv(0x82, Buffer.from(name)));
  const tbs = sequence(
    tlv(0xa0, integer(2)),
    integer(1),
    algorithm,
    distinguishedName,
    sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x17, Buffer.from('490101000000Z'))),
    distinguishedName,
    publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(sequence(oid(0x55, 0x1d, 0x11), tlv(0x04, alternativeName)))),
  );
  const signature = sign('sha256', tbs, privateKey);
  const der = sequence(tbs, algorithm, tlv(0x03, Buffer.from([0]), signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(content);
  const { length } = value;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), value]);
}

const sequence = (...content: readonly Uint8Array[]) => tlv(0x30, ...content);
const oid = (...bytes: readonly number[]) => tlv(0x06, Buffer.from(bytes));
const integer = (value: number) => tlv(0x02, Buffer.from([value]));
