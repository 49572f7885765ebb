/** How profiles share out a chip: the parts that every device has come first, then its slots. */

import type { ComponentIdentifier } from '@lapel/suit';
import { class1 } from '@lapel/suit';
import type { Timing } from '../profile.ts';
import type { Region } from '../storage/flash.ts';
import type { ComponentLayout, Layout, Role, Scheme, SlotLayout } from '../storage/layout.ts';
import type { Taking } from './taking.ts';
import { takeFrom } from './taking.ts';

/** Pages and granules of a microcontroller's own flash. */
export const internal = { pageBytes: 2048, granuleBytes: 8 } as const;
/** A flash chip beside it: larger sectors, and bytes that are programmed one by one. */
export const external = { pageBytes: 4096, granuleBytes: 1 } as const;

/** 4 KiB: room for an envelope of a Class 1 device, with a post-quantum signature too. */
export const envelopeBytes = 4096;

/** Of a Cortex-M0 at 48 MHz, from public measurements. */
export const smallTiming: Timing = {
  resetMs: 20,
  signatureMs: 400,
  hashMsPerKiB: 3.5,
  eraseMsPerPage: 25,
  programMsPerKiB: 12,
};

/** What a Class 1 device can afford: about 10 KiB of working memory (RFC 7228). */
export const class1Affords = { limits: class1, timing: smallTiming, ramBytes: 10_240 };

export interface Common extends Pick<Layout, 'loader' | 'journal' | 'trustStore'> {
  readonly taking: Taking;
}

/** Loader, journal and trust store, at the front of a chip. */
export function common(chip: ChipKind, journalPages = 1): Common {
  const taking = takeFrom(chip);
  const pair = (pages: number): readonly [Region, Region] => [taking.take(pages), taking.take(pages)];
  return { loader: taking.take(6), journal: pair(journalPages), trustStore: pair(1), taking };
}

export interface ChipKind {
  readonly pageBytes: number;
  readonly granuleBytes: number;
}

/** A slot with the envelope right before the image. */
export function slot(taking: Taking, { pageBytes }: ChipKind, imagePages: number): SlotLayout {
  return { envelope: taking.take(Math.ceil(envelopeBytes / pageBytes)), image: taking.take(imagePages) };
}

/** What manifests call a component: one byte string, as authors' descriptions write it. */
export const named = (name: string): ComponentIdentifier => [new TextEncoder().encode(name)];

export const component = (
  identifier: ComponentIdentifier,
  role: Role,
  scheme: Scheme,
  slots: readonly number[],
): ComponentLayout => ({ identifier, role, scheme, slots });
