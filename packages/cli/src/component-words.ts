/** Components as they are written on a command line: parts between slashes, one of bytes as h'01'. */

import { unhex } from '@lapel/cbor';
import type { ComponentIdentifier } from '@lapel/suit';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

const textMax = 256;

/** The names between commas. @throws {CommandFailure} */
export const componentsIn = (text: string): readonly ComponentIdentifier[] =>
  text.split(',').map(componentIn);

/** @throws {CommandFailure} */
export function componentIn(text: string): ComponentIdentifier {
  const parts = text.split('/').map((part) => {
    const digits = /^h'(?<digits>[0-9a-f]+)'$/i.exec(part)?.groups?.['digits'];
    return digits === undefined ? new TextEncoder().encode(part) : unhex(digits);
  });
  const whole = parts.filter((part) => part !== undefined && part.length > 0);
  if (text.length <= textMax && whole.length === parts.length) return whole as ComponentIdentifier;
  const found = `found ${JSON.stringify(text.slice(0, 40))}`;
  throw new CommandFailure(
    exitCodes.usage,
    `expected a component such as main, soc/application or h'00', ${found}`,
  );
}
