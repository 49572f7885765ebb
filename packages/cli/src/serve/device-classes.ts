/** What devices can take, as it is told on a command line: `lapel.example/lamp=class1,20,main`. */

import type { DeviceClass } from '@lapel/firmware-server';
import { dependenciesOf, slotAt } from '@lapel/device';
import { componentName } from '@lapel/suit';
import { componentIn } from '../component-words.ts';
import { deviceKind } from '../device-kind.ts';
import { profileNames, profileOf, readKind } from '../device/kinds.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';

const classesMax = 64;
const kindPattern = /^(?<vendor>[^/=]{1,253})\/(?<kind>[^/=]{1,64})=(?<taking>.+)$/;
const takingPattern = /^(?<profile>[a-z0-9-]+),(?<pages>\d{1,4})(?:,(?<component>.+))?$/;

/** @throws {CommandFailure} where a text is none, or there are too many. */
export function readDeviceClasses(texts: readonly string[]): readonly DeviceClass[] {
  if (texts.length <= classesMax) return texts.map(deviceClass);
  throw usage(`expected --device-class at most ${classesMax} times, found it ${texts.length} times`);
}

function deviceClass(text: string): DeviceClass {
  const { vendor = '', kind = '', taking = '' } = kindPattern.exec(text)?.groups ?? {};
  const { profile, pages, component } = takingPattern.exec(taking)?.groups ?? {};
  const found = profile === undefined ? undefined : readKind(`${profile}, ${pages} image pages`);
  if (found === undefined) {
    const example = 'lapel.example/lamp=class1,20,main';
    const names = profileNames.join(', ');
    throw usage(`expected --device-class such as ${example}, with one of ${names}; found ${text}`);
  }
  const { layout, limits } = profileOf(
    component === undefined ? found : { ...found, component: componentIn(component) },
  );
  const room = (slot: number): number => slotAt(layout, slot).image.bytes;
  const { vendor: vendorIdentifier, class: classIdentifier } = deviceKind({ vendor, class: kind });
  return {
    name: `${vendor}/${kind}`,
    vendorIdentifier,
    classIdentifier,
    limits,
    components: new Map(
      layout.components.map(({ identifier, slots }) => [
        componentName(identifier),
        Math.min(...slots.map(room)),
      ]),
    ),
    dependencies: dependenciesOf,
  };
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, message);
