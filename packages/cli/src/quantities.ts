/** Shares and times as people write them on a command line, and as they read them. */

import { InvalidArgumentError } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

/** `5%`, `0.5%`: in thousandths, as campaigns count. */
export function thousandths(text: string): number {
  const percent = /^(?<number>\d{1,3}(?:\.\d)?)\s*%$/.exec(text.trim())?.groups?.['number'];
  const share = Math.round(Number(percent) * 10);
  if (percent === undefined || share > 1000) {
    throw new InvalidArgumentError(`expected a share from 0% to 100%, such as 0.5%, found ${text}`);
  }
  return share;
}

/** `1%,10%,100%`: shares that rise to the whole. */
export function waves(text: string): readonly number[] {
  const shares = text.split(',').map(thousandths);
  const rises = shares.every((share, index) => share > (shares[index - 1] ?? 0));
  if (!rises || shares.at(-1) !== 1000 || shares.length > wavesMax) {
    const expected = `expected up to ${wavesMax} shares that rise to 100%, such as 1%,10%,100%`;
    throw new InvalidArgumentError(`${expected}, found ${text}`);
  }
  return shares;
}

const wavesMax = 16;

const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `90s`, `15m`, `2h`, `30d`. */
export function milliseconds(text: string): number {
  const { number, unit } = /^(?<number>\d{1,6})\s*(?<unit>[smhd])$/.exec(text.trim())?.groups ?? {};
  const found = unitsMs.find(([name]) => name === unit);
  if (found === undefined || Number(number) === 0) {
    throw new InvalidArgumentError(`expected a time such as 90s, 15m, 2h or 30d, found ${text}`);
  }
  return Number(number) * found[1];
}

export function count(text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError(`expected a whole number from 1, found ${text}`);
}

export const percentText = (share: number): string => `${share / 10}%`;

/** In the largest unit that fits. */
export function durationText(ms: number): string {
  const [unit, size] = unitsMs.find(([, each]) => ms >= each) ?? (['s', 1_000] as const);
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

/** A length of time that a person compares with another: 850 ms, 4.2 s, 3 m. */
export const spanText = (ms: number): string =>
  ms < 1_000 ? `${ms} ms` : ms < 60_000 ? `${Math.floor(ms / 100) / 10} s` : durationText(ms);

export function sizeText(bytes: number): string {
  const [unit, size] = sizes.find(([, each]) => bytes >= each) ?? (['bytes', 1] as const);
  return `${size === 1 ? bytes : (bytes / size).toFixed(1)} ${unit}`;
}

const sizes = [
  ['GB', 1_000_000_000],
  ['MB', 1_000_000],
  ['kB', 1_000],
] as const;

/** Of an option. @throws {CommandFailure} */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  const message = `expected ${option} to be a number from ${min} to ${max}, found ${text}`;
  throw new CommandFailure(exitCodes.usage, message);
}
