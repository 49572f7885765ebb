/** Releases with more in their sequences than the author's tools write, well signed. */

import { bstr, read, write } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { signEnvelope } from '@lapel/author';
import type { Command, Version } from '@lapel/suit';
import {
  Digest,
  Manifest,
  digestOf,
  readEnvelope,
  readSequence,
  sectionBytes,
  server,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import { authenticate } from '@lapel/suit';
import type { Made } from './world.ts';

export interface Change {
  /** Put in front of what is there. */
  readonly before?: Partial<Record<'install' | 'payloadFetch' | 'validate' | 'invoke', readonly Command[]>>;
  /** Put behind what is there: a shared sequence begins with the check whose device it is. */
  readonly shared?: readonly Command[];
  readonly setVersion?: Version;
}

export function resigned(
  { author }: Pick<Made, 'author'>,
  envelope: Uint8Array,
  { before = {}, shared, setVersion }: Change,
): Uint8Array {
  const { manifest: content, ...rest } = readEnvelope(envelope, server);
  const authentic = authenticate(envelope, [{ key: author.public }], server);
  const own = (name: 'sharedSequence' | keyof typeof before): readonly Command[] => {
    const encoded = sectionBytes(authentic, name);
    return encoded === undefined ? [] : readSequence(encoded).map(({ command }) => command);
  };
  const sections: Record<string, Uint8Array> = {};
  for (const name of ['install', 'payloadFetch', 'validate', 'invoke'] as const) {
    const more = before[name];
    if (more !== undefined) sections[name] = writeSequence([...more, ...own(name)]);
  }
  const old = read(Manifest, read(bstr, content));
  const sharedSequence = writeSequence([...own('sharedSequence'), ...(shared ?? [])]);
  const manifest = write(
    bstr,
    write(Manifest, {
      ...old,
      ...sections,
      ...(setVersion === undefined ? {} : { setVersion }),
      common: { ...old.common, sharedSequence },
    }),
  );
  const of = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  return signEnvelope(writeEnvelope({ ...rest, manifest, digest: of, blocks: [] }), author);
}
