/** Where devices and releases for the power-cut proof are made: real keys, real envelopes, seeded images. */

import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Profile, Provision } from '@lapel/device';
import { manufacture, trustStoreVersion } from '@lapel/device';
import type { ComponentIdentifier } from '@lapel/suit';
import { authenticate, componentName, server } from '@lapel/suit';
import type { Part } from './firmware.ts';
import { deviceClass, makeUpdate, vendor } from './firmware.ts';
import { norFlash } from './flash.ts';
import type { ChipState, Release } from './powercut-scenario.ts';
import type { SeededRandom } from './random.ts';
import { seededRandom } from './random.ts';

export const attempts = 3;
const className = 'lamp';

/** A component, and its image; or how many bytes of one are to be made up for it; and how it travels. */
export type Wanted = readonly [
  component: ComponentIdentifier,
  image: Uint8Array | number,
  travelling?: Pick<Part, 'format' | 'secret'>,
];

export interface Workshop {
  readonly author: SigningKey;
  readonly random: SeededRandom;
  release(sequence: number, ...parts: readonly [Wanted, ...Wanted[]]): Promise<Release>;
  /** A device that has these releases from the factory. */
  device(profile: Profile, releases: readonly Release[], trust?: Partial<Provision>): ChipState;
}

export function workshop(seed: number): Workshop {
  const author = generateSigningKey('P-256');
  const deviceKey = encodeSigningKey(generateSigningKey('P-256'));
  const random = seededRandom(seed);
  return {
    author,
    random,
    release: (sequence, ...parts) => makeUp(author, random, sequence, parts),
    device(profile, releases, trust) {
      const { geometry, loader } = profile.layout;
      const flash = norFlash({ geometry });
      // What no device may ever write is told from what nobody has written.
      flash.program(loader.address, random.bytes(loader.bytes));
      const provision: Provision = {
        version: trustStoreVersion,
        device: 'lamp-0',
        deviceKey,
        vendor,
        class: deviceClass(className),
        anchors: [encodeVerificationKey(author.public)],
        confirmBy: 'self-test',
        attempts,
        deadlineMs: 60_000,
        ...trust,
      };
      manufacture(flash, profile, provision, ...releases);
      return { content: flash.dump(), carried: flash.carried() };
    },
  };
}

async function makeUp(
  key: SigningKey,
  random: SeededRandom,
  sequence: number,
  [first, ...rest]: readonly [Wanted, ...Wanted[]],
): Promise<Release> {
  const made = ([component, image, travelling]: Wanted): Part => ({
    component,
    image: typeof image === 'number' ? random.bytes(image) : image,
    ...travelling,
  });
  const parts = [made(first), ...rest.map(made)] as const;
  const version = `1.${sequence}.0`;
  const payloads: Uint8Array[] = [];
  const onPayload = (content: Uint8Array) => void payloads.push(content);
  const envelope = await makeUpdate({ parts, sequence, version, className, key, onPayload });
  const { digest } = authenticate(envelope, [{ key: key.public }], server);
  const [{ image, secret }, ...further] = parts;
  // What is staged as it comes is an image too, of the component that it passes through.
  const passing = payloads.map((payload) => [secret?.staging ?? [], payload] as const);
  return {
    sequence,
    envelope,
    digest: hex(digest.bytes),
    image,
    further: further.map((part) => part.image),
    images: new Map(
      [...parts.map((part) => [part.component, part.image] as const), ...passing].map(
        ([component, content]) => [componentName(component), content],
      ),
    ),
  };
}
