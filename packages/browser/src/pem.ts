/** PEM (RFC 7468): one key between its lines. */

const labels = ['PUBLIC KEY', 'PRIVATE KEY', 'EC PRIVATE KEY'] as const;
export type KeyLabel = (typeof labels)[number];

/** A key of ML-DSA-87 with its expanded half has 7 KB. */
const pemTextMax = 64 * 1024;

export function readPemBlock(text: string): { readonly label: KeyLabel; readonly der: Uint8Array } {
  if (text.length > pemTextMax) {
    throw new RangeError(`expected at most ${pemTextMax} characters of PEM, found ${text.length}`);
  }
  const groups =
    /^-----BEGIN (?<label>[A-Z ]*(?:PUBLIC|PRIVATE) KEY)-----(?<base64>[^-]*)-----END \k<label>-----/m.exec(
      text,
    )?.groups;
  const label = labels.find((each) => each === groups?.['label']);
  if (groups === undefined || label === undefined) {
    const found = groups?.['label'];
    const what = found === undefined ? 'no key' : `an ${found.toLowerCase()}`;
    throw new TypeError(`expected an unencrypted key in PEM, found ${what}`);
  }
  return { label, der: Uint8Array.from(atob(groups['base64'] ?? ''), (each) => each.charCodeAt(0)) };
}

/** Every block that says it is a key, whole. */
export const pemBlocks = (text: string): readonly string[] =>
  text.match(/-----BEGIN (?<label>[A-Z -]*KEY)-----[^-]*-----END \k<label>-----/g) ?? [];

export function pemOf(label: KeyLabel, der: Uint8Array): string {
  const base64 = btoa(Array.from(der, (byte) => String.fromCharCode(byte)).join(''));
  return `-----BEGIN ${label}-----\n${base64.replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}
