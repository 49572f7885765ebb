/**
 * Payloads that are not the image itself: compressed, or a difference to what is installed (S4-05, S4-112).
 * What the device cannot do, and a difference to another image than its own, is refused before anything is
 * written (RFC 9124 §4.3.9).
 */

import { SuitError } from '@lapel/suit';
import type { Precursor } from '../payload/processing.ts';
import { payloadSink, processingStateBytes, readFormat, requirePrecursor } from '../payload/processing.ts';
import type { ComponentView } from '../storage/components.ts';
import type { Memory } from '../storage/arena.ts';
import { readable } from '../storage/flash.ts';
import type { Unpack } from '../storage/installer.ts';
import type { Layout } from '../storage/layout.ts';
import { slotAt } from '../storage/layout.ts';
import { imageDigest } from '../storage/slots.ts';

interface Storage {
  readonly flash: Memory;
  readonly layout: Layout;
}

export const unpacking =
  (storage: Storage): Unpack =>
  (fetchArguments, before) => {
    const format = readFormat(fetchArguments);
    const precursor = precursorIn(storage, before);
    if (format.name === 'delta') requirePrecursor(format, precursor);
    if (format.name !== 'raw') storage.flash.arena.take(processingStateBytes, 'unpacking');
    return {
      payloadBytes: format.sizeBytes,
      into: (output, imageBytesMax) => payloadSink({ format, output, imageBytesMax, precursor }),
    };
  };

function precursorIn({ flash, layout }: Storage, view: ComponentView | undefined): Precursor | undefined {
  if (view?.sizeBytes === undefined) return undefined;
  const { slot, sizeBytes } = view;
  const place = slotAt(layout, slot);
  return {
    sizeBytes,
    // What cannot be read is no precursor.
    precursorDigest: () => imageDigest(flash, place, sizeBytes, 'sha-256') ?? new Uint8Array(),
    read(offset, length) {
      const bytes = readable(flash, place.image.address + offset, length);
      if (bytes !== undefined) return bytes;
      throw new SuitError('run', 'operation-failed', 'expected the installed image, found it unreadable');
    },
  };
}
