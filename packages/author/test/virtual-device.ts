/** Descriptions, built and signed, on a Recipient that is data (`virtualRecipient`). */

import { digest, generateSigningKey } from '@lapel/cose';
import type { FormattedPayload } from '@lapel/author';
import { buildEnvelope, parseDescription, publishedUri, signEnvelope } from '@lapel/author';
import type { Ending, Procedure, VirtualRecipient, VirtualRecipientOptions } from '@lapel/suit';
import {
  admit,
  authenticate,
  classIdentifier,
  componentName,
  driveSync,
  linux,
  run,
  vendorIdentifier,
  virtualRecipient,
  writeEnvelope,
} from '@lapel/suit';
import { memoryImages } from './memory-images.ts';

export const author = generateSigningKey('P-256');
export const otherAuthor = generateSigningKey('Ed25519');
export const anchors = [author, otherAuthor].map(({ public: key }) => ({ key }));
export const clock = { wallMs: () => 1_763_712_345_678 };

export type Files = Readonly<Record<string, Uint8Array>>;

export interface Built {
  readonly envelope: Uint8Array;
  /** What a firmware server would hand out, by URI. */
  readonly served: ReadonlyMap<string, Uint8Array>;
}

/** @param files what the description names, by path */
export async function built(description: string, files: Files, key = author): Promise<Built> {
  const made: FormattedPayload[] = [];
  const keep = async (payload: FormattedPayload): Promise<void> => void made.push(payload);
  const world = { images: memoryImages(files), clock, keep };
  const envelope = writeEnvelope(await buildEnvelope(parseDescription(description, 'd.yaml'), world));
  const contents = [...Object.values(files), ...made.map(({ content }) => content)];
  const served = new Map(contents.map((each) => [publishedUri(digest('sha-256', each)), each]));
  return { envelope: signEnvelope(envelope, key), served };
}

export const nameOf = (...parts: readonly string[]): string =>
  componentName(parts.map((part) => new TextEncoder().encode(part)));

/** @param components by name, with what they hold; it has no others */
export function deviceWith(
  components: Files,
  options: Partial<Omit<VirtualRecipientOptions, 'components'>> = {},
): VirtualRecipient {
  const vendor = vendorIdentifier('lapel.example');
  const byName = Object.entries(components).map(
    ([name, held]) => [nameOf(...name.split('/')), held] as const,
  );
  return virtualRecipient({
    limits: linux,
    vendor,
    class: classIdentifier(vendor, 'lamp'),
    anchors,
    components: Object.fromEntries(byName),
    ...options,
  });
}

export function runOn(
  device: VirtualRecipient,
  { envelope }: Pick<Built, 'envelope'>,
  procedure: Procedure = 'update',
): Ending {
  const admitted = admit(authenticate(envelope, anchors, linux), device);
  return driveSync(run(admitted, procedure), device.perform);
}

/** What the device did, with the names of components as people write them, and why it stopped. */
export function told(device: VirtualRecipient, { failure }: Ending): string {
  const steps = device.trace.map((step) =>
    step.replaceAll(/[0-9a-f]{2,}(?:\/[0-9a-f]+)*$/g, (name) =>
      name
        .split('/')
        .map((part) => Buffer.from(part, 'hex').toString())
        .join('/'),
    ),
  );
  return [...steps, ...(failure === undefined ? [] : [failure.error.reason])].join(', ');
}

export const holds = (device: VirtualRecipient, name: string): Uint8Array | undefined =>
  device.components.get(nameOf(...name.split('/')));
