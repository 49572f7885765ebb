/**
 * Whether a report can be true of a manifest (draft-ietf-suit-report-19 §3, §4, §7): a record names a place
 * where a command stands that wanted to be recorded. One that doesn't is no mistake of a Recipient but
 * invented, and nothing else in its report is to be believed. Records of dependencies are passed over: their
 * manifests are not at hand here.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { AuthenticManifest } from './authenticate.ts';
import { knownDigest, sections } from './manifest.ts';
import type { SectionName } from './manifest.ts';
import type { SuitRecord } from './processor/record.ts';
import { SuitError, parsing } from './reason.ts';
import type { Command } from './sequence.ts';
import { readSequence } from './sequence.ts';
import { reporting } from './registry.ts';
import type { Report } from './report.ts';
import { isRecord } from './report.ts';
import { innerSequences, sectionBytes } from './walk.ts';

const nestingMax = 16;

/**
 * @param nonce what was sent to the Recipient for this report; undefined where nothing was.
 * @throws {SuitError} stage `setup`, reason `unauthorised`, where the report is of another manifest, answers
 * another question, or tells of what this manifest can't have done.
 */
export function requirePlausible(
  { reference, nonce: found, records, result }: Report,
  authentic: AuthenticManifest,
  nonce: Uint8Array | undefined,
): void {
  const [, digest] = reference;
  const named = knownDigest('setup', digest);
  const { algorithm, bytes } = authentic.digest;
  if (named.algorithm !== algorithm || !equalInConstantTime(named.bytes, bytes)) {
    throw implausible('expected a report of this manifest, found one of another');
  }
  if (nonce !== undefined && (found === undefined || !equalInConstantTime(found, nonce))) {
    throw implausible('expected the nonce that was sent, found another');
  }
  for (const record of records) {
    if (!isRecord(record) || record.manifestId.length > 0) continue;
    const policy = policyAt(record, authentic);
    if (policy === undefined || (policy & (reporting.recordOnSuccess | reporting.recordOnFailure)) === 0) {
      throw implausible(`expected a command that is recorded at ${placeOf(record)}, found none`);
    }
  }
  if (result === true || result.record.manifestId.length > 0) return;
  // What failed may be of any command, or, at offset 0, the section as a whole.
  const { section, offset } = result.record;
  if (offset > 0 && commandAt(section, offset, authentic) === undefined) {
    throw implausible(`expected a command at ${placeOf(result.record)}, found none`);
  }
}

function policyAt({ section, offset }: SuitRecord, authentic: AuthenticManifest): number | undefined {
  const command = commandAt(section, offset, authentic);
  return command !== undefined && 'policy' in command ? command.policy : undefined;
}

/** The command that begins at this byte of the section, in whichever of its sequences. */
function commandAt(section: number, offset: number, authentic: AuthenticManifest): Command | undefined {
  const name = (Object.keys(sections) as SectionName[]).find((each) => sections[each] === section);
  const encoded = name === undefined ? undefined : sectionBytes(authentic, name);
  return encoded === undefined ? undefined : commandIn(encoded, encoded.byteOffset, offset, 0);
}

function commandIn(
  encoded: Uint8Array,
  sectionStart: number,
  offset: number,
  depth: number,
): Command | undefined {
  const base = encoded.byteOffset - sectionStart;
  if (offset < base || offset >= base + encoded.length || depth > nestingMax) return undefined;
  for (const { command, offset: at } of parsing('setup', 'sequence', () => readSequence(encoded))) {
    if (base + at === offset) return command;
    for (const inner of innerSequences(command)) {
      const found = commandIn(inner, sectionStart, offset, depth + 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const placeOf = ({ section, offset }: SuitRecord) => `byte ${offset} of section ${section}`;

const implausible = (message: string) => new SuitError('setup', 'unauthorised', `SUIT_Report: ${message}`);
