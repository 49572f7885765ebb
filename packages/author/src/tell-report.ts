/** The story of an update, as the device that made it tells it in its report (draft-ietf-suit-report-19). */

import { Reader, hex, write } from '@lapel/cbor';
import type { AuthenticManifest, Report, SuitRecord } from '@lapel/suit';
import { Parameters, knownDigest, reportReason } from '@lapel/suit';
import { componentText } from './inspect-manifest.ts';
import { inspectParameter } from './inspect-sequence.ts';
import { pairs } from './inspection.ts';
import { sectionText } from './simulate/in-words.ts';
import { commandsByPlace, placeKey } from './simulate/trace.ts';

export interface ToldRecord {
  readonly section: string;
  readonly offset: number;
  /** Where the manifest is at hand. */
  readonly command?: string;
  readonly component: string;
  /** What the command went by. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface ToldReport {
  /** Digest of the manifest that it is about. */
  readonly manifest: string;
  readonly uri: string;
  readonly nonce?: string;
  readonly succeeded: boolean;
  readonly reason: string;
  /** Where it failed. */
  readonly failed?: ToldRecord;
  readonly records: readonly ToldRecord[];
  /** What the system found components to be. */
  readonly claims: readonly {
    readonly component: string;
    readonly properties: Readonly<Record<string, string>>;
  }[];
  readonly tellsCapabilities: boolean;
  /** One sentence for each thing that happened. */
  readonly story: readonly string[];
}

/** As deep as sequences are looked into for the names of commands. */
const nestingMax = 16;

/** @param authentic the manifest that the report is about, where it is at hand */
export function tellReport(report: Report, authentic: AuthenticManifest | undefined): ToldReport {
  const { reference, nonce, records, result, capability } = report;
  const [uri, stated] = reference;
  const { algorithm, bytes } = knownDigest('setup', stated);
  const tell = telling(authentic);
  const told = records.flatMap((entry) => ('manifestId' in entry ? [tell(entry)] : []));
  const claims = records.flatMap((entry) => {
    if ('manifestId' in entry) return [];
    const { systemComponent, ...properties } = entry;
    return [{ component: componentText(systemComponent), properties: propertiesIn(properties) }];
  });
  const failed = result === true ? undefined : tell(result.record);
  const reason = reportReason(report);
  return {
    manifest: `${algorithm} ${hex(bytes)}`,
    uri,
    ...(nonce === undefined ? {} : { nonce: hex(nonce) }),
    succeeded: result === true,
    reason,
    ...(failed === undefined ? {} : { failed }),
    records: told,
    claims,
    tellsCapabilities: capability !== undefined,
    story: [
      ...told.map((each) => `${placeText(each)} was recorded${propertiesText(each.properties)}`),
      ...claims.map(({ component, properties }) => `${component} was found${propertiesText(properties)}`),
      endText(reason, failed),
    ],
  };
}

function telling(authentic: AuthenticManifest | undefined): (record: SuitRecord) => ToldRecord {
  const commands = authentic === undefined ? undefined : commandsByPlace(authentic, nestingMax);
  const components = authentic?.manifest.common.components ?? [];
  return ({ manifestId, section, offset, component, properties }) => {
    const own = manifestId.length === 0;
    const name = own ? commands?.get(placeKey(section, offset))?.command.name : undefined;
    const identifier = own ? components[component] : undefined;
    return {
      section: own ? sectionText(section) : `dependency ${manifestId.join('.')}, ${sectionText(section)}`,
      offset,
      ...(name === undefined ? {} : { command: name }),
      component: identifier === undefined ? `component ${component}` : componentText(identifier),
      properties: propertiesIn(properties),
    };
  };
}

function propertiesIn(properties: Parameters): Readonly<Record<string, string>> {
  const reader = new Reader(write(Parameters, properties));
  const { parts = [] } = pairs(reader, (key, value) =>
    inspectParameter(Number(key), value, { components: [] }),
  );
  return Object.fromEntries(parts.map(({ name, value = '' }) => [name, value]));
}

const placeText = ({ command, section, offset, component }: ToldRecord): string =>
  `${command ?? 'a command'} on ${component} (${section}, byte ${offset})`;

function propertiesText(properties: Readonly<Record<string, string>>): string {
  const all = Object.entries(properties).map(([name, value]) => `${name} ${value}`);
  return all.length === 0 ? '' : ` with ${all.join(', ')}`;
}

function endText(reason: string, failed: ToldRecord | undefined): string {
  if (failed === undefined) return 'the update succeeded';
  if (reason === 'invoke-pending') return 'the image lies ready, and a restart will try it';
  // At offset 0 it is of the section as a whole.
  const place = failed.offset === 0 ? `in ${failed.section}` : `at ${placeText(failed)}`;
  return `the update failed ${place}: ${reason}${propertiesText(failed.properties)}`;
}
