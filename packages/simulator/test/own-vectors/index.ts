/** Every vector of our own, and the files that stand beside them. */

import { authentications } from './authentications.ts';
import { conditions } from './conditions.ts';
import { dependencies, dependencyFiles } from './dependencies.ts';
import { directives } from './directives.ts';
import { ownKeys } from './encrypting.ts';
import { encryptions, payloads } from './encryptions.ts';
import { frames } from './envelopes.ts';
import { flows, invocations } from './flows.ts';
import { classId, deviceId, firmware, macSecret, otherFirmware, publicPem, vendorId } from './forge.ts';
import { managements } from './management.ts';
import { legacies, structures } from './manifests.ts';
import { sequences } from './sequences.ts';
import type { OwnVector } from './vector.ts';

export const vectors: readonly OwnVector[] = [
  ...[...frames, ...authentications, ...structures, ...sequences, ...legacies],
  ...[...conditions, ...directives, ...flows, ...invocations, ...managements],
  ...[...dependencies, ...encryptions],
];

const inHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The folder, as `npm run conformance` reads it: bytes by file name. */
export function folder(): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (content: string) => new TextEncoder().encode(content);
  for (const { name, envelope } of vectors) files.set(`${name}.suit`, envelope);
  files.set('fw.bin', firmware);
  files.set('old-fw.bin', otherFirmware);
  for (const [name, content] of [...dependencyFiles, ...payloads]) files.set(name, content);
  files.set('author.pem', text(publicPem('author')));
  files.set('other.pem', text(publicPem('other')));
  const lines = vectors.map(({ name, envelope: _envelope, ...rest }) =>
    JSON.stringify({ file: `${name}.suit`, ...rest }),
  );
  const keys = {
    trusted_author: 'author.pem',
    trusted_other: 'other.pem',
    hmac_hex: inHex(macSecret),
    ...ownKeys,
  };
  const device = { vendor: inHex(vendorId), class: inHex(classId), device: inHex(deviceId), sequence: 0 };
  const head = `"keys": ${JSON.stringify(keys)},\n"device": ${JSON.stringify(device)}`;
  files.set('index.json', text(`{${head},\n"vectors": [\n${lines.join(',\n')}\n]}\n`));
  return files;
}
