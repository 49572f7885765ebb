/** A dependency's envelope, read for what its dependent must know: its digest, and which sequences it has. */

import { CborError, bstr, read } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { SectionName } from '@lapel/suit';
import { Digest, SuitError, readEnvelope, readManifest, sectionNames, server } from '@lapel/suit';
import type { DependencyDescription } from './description.ts';
import { encryptPayload } from './encrypt-payload.ts';
import { fileName } from './format-payload.ts';
import { ImageError } from './images.ts';
import type { Making } from './plan-component.ts';
import { carry, enlist, publishedUri } from './plan-component.ts';
import type { PlannedDependency } from './planned.ts';
import { requireDigests } from './sign.ts';

/**
 * @param index of the component that holds the envelope on the device
 * @throws {ImageError} where the file holds no envelope that a device could take.
 */
export async function planDependency(
  { envelope: path, uri, integrated, encryption }: DependencyDescription,
  index: number,
  making: Making,
): Promise<PlannedDependency> {
  const bytes = await making.images.read(path, server.envelopeBytes);
  const found = inspected(path, bytes);
  if (encryption === undefined) return { index, ...found, uri: sent(bytes) };
  // §8.2: who carries it learns nothing of it; a device decrypts it as it is fetched.
  const { info, content } = await encryptPayload(bytes, encryption, making.images);
  if (!integrated) {
    const name = `${fileName(path)}.encrypted`;
    enlist(
      { name, content, image: path, imageBytes: bytes.length, digest: digest('sha-256', content) },
      making,
    );
  }
  return { index, ...found, uri: sent(content), encrypted: { info, sizeBytes: bytes.length } };

  function sent(content: Uint8Array): string {
    if (!integrated) return uri ?? publishedUri(digest('sha-256', content));
    // §8.1.1: where its name is a URI that can be fetched, it can be cut off later.
    const name = uri ?? `#${fileName(path)}`;
    carry(name, content, path, making);
    return name;
  }
}

function inspected(path: string, bytes: Uint8Array): Pick<PlannedDependency, 'digest' | 'sections'> {
  try {
    const envelope = readEnvelope(bytes, server);
    requireDigests(envelope);
    if (envelope.blocks.length === 0) {
      const mend = `\`lapel sign ${path} --key KEY\` comes first`;
      throw new ImageError(`expected a signed envelope in ${path}, found no signature; ${mend}`);
    }
    const manifest = readManifest(read(bstr, envelope.manifest));
    const has = (name: SectionName) => name !== 'sharedSequence' && manifest[name] !== undefined;
    return { digest: read(Digest, envelope.digest), sections: new Set(sectionNames.filter(has)) };
  } catch (error) {
    if (!(error instanceof SuitError) && !(error instanceof CborError)) throw error;
    throw new ImageError(`expected the envelope of a dependency in ${path}: ${error.message}`, {
      cause: error,
    });
  }
}
