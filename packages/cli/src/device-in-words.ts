/** One device as the status tracker knows it, in names and values that a person reads. */

import { systemClock } from '@lapel/transport';
import type { Fields } from './answers.ts';
import { cellIn, fieldsOf, listOf, textIn } from './answers.ts';
import { durationText, sizeText, spanText } from './quantities.ts';

type Fact = readonly [name: string, value: string];

/** @throws {TransportError} where the answer is no device's. */
export function deviceInWords(device: Fields): readonly Fact[] {
  const components = device['components'] === undefined ? [] : listOf(device['components']).map(fieldsOf);
  return [
    ['device', textIn(device, 'id')],
    ['vendor', cellIn(device, 'vendor')],
    ['class', cellIn(device, 'class')],
    ['key', cellIn(device, 'fingerprint')],
    ['approval', cellIn(device, 'approval')],
    ...optional('let in', cellIn(device, 'admittedBy')),
    ...optional('tags', tagsText(device)),
    ...statementFacts(device),
    ...batteryFact(device),
    ['state', cellIn(device, 'state')],
    ...optional('version', cellIn(device, 'version')),
    ...components.flatMap(componentFacts),
    ...optional('booted because', cellIn(device, 'bootReason')),
    ...bootFacts(device),
    ...optional('suspicious', cellIn(device, 'suspicion')),
    ...optional('last error', cellIn(device, 'lastError')),
    ['seen', seenText(device)],
    ...optional('in words', cellIn(device, 'explanation')),
  ];
}

export function seenText(device: Fields): string {
  const seen = device['lastSeenMs'];
  return typeof seen === 'number' ? `${durationText(systemClock.wallMs() - seen)} ago` : 'never';
}

const optional = (name: string, value: string): readonly Fact[] => (value === '' ? [] : [[name, value]]);

function tagsText({ tags }: Fields): string {
  const all = tags === undefined || tags === null ? {} : fieldsOf(tags);
  return Object.keys(all)
    .map((name) => `${name}=${cellIn(all, name)}`)
    .join(', ');
}

const batteryFact = (device: Fields): readonly Fact[] =>
  typeof device['batteryMilliwattHours'] === 'number'
    ? [['battery', `${device['batteryMilliwattHours']} mWh`]]
    : [];

/** What it said of itself as it registered. */
function statementFacts({ characteristics, terms, starts }: Fields): readonly Fact[] {
  const made = characteristics === undefined ? {} : fieldsOf(characteristics);
  const said = terms === undefined ? {} : fieldsOf(terms);
  const [memory, flash] = [made['freeMemoryBytes'], made['freeFlashBytes']];
  const free = [
    ...(typeof memory === 'number' ? [`${sizeText(memory)} of memory`] : []),
    ...(typeof flash === 'number' ? [`${sizeText(flash)} of flash`] : []),
  ];
  return [
    ...optional('hardware', cellIn(made, 'hardware')),
    ...optional('free', free.join(', ')),
    ...optional('reachable', cellIn(said, 'reachability')),
    ...optional('time zone', cellIn(said, 'timeZone')),
    ...(typeof starts === 'number' ? ([['started', `${starts} times, it says`]] as const) : []),
  ];
}

function componentFacts(component: Fields): readonly Fact[] {
  const slot = cellIn(component, 'slot');
  const version = cellIn(component, 'version');
  const line = [
    componentName(cellIn(component, 'component')),
    ...(version === '' ? [] : [`version ${version}`]),
    `sequence ${cellIn(component, 'sequenceNumber')}`,
    ...(slot === '' ? [] : [`slot ${slot}`]),
    ...(component['onTrial'] === true ? ['on trial'] : []),
    `manifest ${cellIn(component, 'manifestDigest')}`,
  ].join(', ');
  const { imageBytes } = component;
  const size = typeof imageBytes === 'number' ? `${sizeText(imageBytes)}, ` : '';
  const image = cellIn(component, 'imageDigest');
  return [['component', line], ...optional('measured', image === '' ? '' : `${size}SHA-256 ${image}`)];
}

/** The tracker names components in hexadecimal; people mostly name them in letters. */
const componentName = (parts: string): string =>
  parts
    .split('/')
    .map((part) => {
      const text = Buffer.from(part, 'hex').toString('latin1');
      return /^[!-~]+$/.test(text) ? text : `h'${part}'`;
    })
    .join('/');

/** What the bootloader did at this start, and what the update before it cost. */
function bootFacts(device: Fields): readonly Fact[] {
  const loader = cellIn(device, 'loaderDigest');
  const refused = device['refused'] === undefined ? [] : listOf(device['refused']).map(fieldsOf);
  return [
    ...optional('bootloader', loader === '' ? '' : `SHA-256 ${loader}`),
    ...optional('verified by', inWords(cellIn(device, 'bootVerified'))),
    ...optional('older flash', inWords(cellIn(device, 'rollbackProtection'))),
    ...refused.flatMap((each) =>
      optional('not started', `slot ${cellIn(each, 'slot')}: ${cellIn(each, 'because')}`),
    ),
    ...optional('interrupted', downtimeText(device)),
  ];
}

const words: Readonly<Record<string, string>> = {
  signature: "its author's signature",
  mac: "the device's own MAC, made after the signature was verified",
  counter: 'is not started: a counter outside the flash tells',
  'not-protected': 'would be started: nothing outside the flash tells its age',
};

/** A newer tracker may have more names than we have words. */
const inWords = (name: string): string => words[name] ?? name;

function downtimeText({ downtimeMs: measured, expectedDowntimeMs: expected }: Fields): string {
  const found = typeof measured === 'number' ? `${spanText(measured)} by the last update` : '';
  if (typeof expected !== 'number') return found;
  return `${found === '' ? 'not measured' : found}, ${spanText(expected)} expected`;
}
