/** Rules about what surrounds the commands: seals, digests, severed elements, components, texts, limits. */

import { CborError, Reader, hex, major, read } from '@lapel/cbor';
import { digest, equalInConstantTime, mac0Tag, sign1Tag, signTag } from '@lapel/cose';
import { Digest, knownDigest } from '../digest.ts';
import type { SeverableName } from '../envelope.ts';
import { severableKeys, severableNames } from '../envelope.ts';
import type { SectionName } from '../manifest.ts';
import { Text, isSevered } from '../manifest.ts';
import { SuitError } from '../reason.ts';
import { componentName } from '../trust-domains.ts';
import { elementOf, sectionNames } from '../walk.ts';
import { class1 } from '../limits.ts';
import type { Findings, Place, RuleName } from './finding.ts';
import type { Node, Subject } from './subject.ts';
import { everyNode, sectionText } from './subject.ts';

export function lintFrame(subject: Subject, findings: Findings): void {
  lintSeal(subject, findings);
  lintSevered(subject, findings);
  lintComponents(subject, findings);
  lintText(subject, findings);
  lintTime(subject, findings);
  lintLimits(subject, findings);
}

const wrapper: Place = { where: 'authentication-wrapper' };

function lintSeal({ envelope }: Subject, findings: Findings): void {
  if (envelope.blocks.length === 0) {
    findings.add('not-authenticated', wrapper, 'expected an authentication block, found none');
  }
  for (const [index, block] of envelope.blocks.entries()) {
    const wrong = blockMistake(block);
    if (wrong !== undefined) findings.add('authentication-block', { where: `block ${index + 1}` }, wrong);
  }
  lintDigest(read(Digest, envelope.digest), envelope.manifest, 'manifest-digest', wrapper, findings);
}

function blockMistake(block: Uint8Array): string | undefined {
  try {
    const reader = new Reader(block);
    if (reader.peek() !== major.tag) return 'expected a tagged COSE object, found none';
    const tag = reader.tag();
    if (tag !== sign1Tag && tag !== signTag && tag !== mac0Tag) {
      return `expected a COSE_Sign1, COSE_Sign or COSE_Mac0, found tag ${tag}`;
    }
    reader.array();
    reader.skip();
    reader.skip();
    return reader.peekNull() ? undefined : 'expected a detached payload, found one inside';
  } catch (error) {
    if (error instanceof CborError) return error.message;
    throw error;
  }
}

/** That a digest is one, and covers what it should. */
function lintDigest(
  stated: Digest,
  covered: Uint8Array | undefined,
  rule: RuleName,
  place: Place,
  findings: Findings,
): void {
  try {
    const { algorithm, bytes } = knownDigest('setup', stated);
    if (covered === undefined) return;
    const found = digest(algorithm, covered);
    if (equalInConstantTime(found, bytes)) return;
    findings.add(rule, place, `expected ${algorithm} ${hex(bytes)}, found ${hex(found)}`);
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    findings.add('digest-algorithm', place, error.message);
  }
}

function lintSevered({ manifest, envelope }: Subject, findings: Findings): void {
  for (const name of severableNames) {
    const [inside, outside] = [manifest[name], envelope.severed[name]];
    const place = {
      where: sectionText(name),
      ...(outside === undefined ? {} : { offset: outside.byteOffset }),
    };
    if (inside === undefined || !isSevered(inside)) {
      if (outside === undefined) continue;
      findings.add('severed-digest', place, 'expected a digest of it in the manifest, found none');
      continue;
    }
    if (outside === undefined)
      findings.add('severed-absent', place, 'expected it in the envelope, found none');
    lintDigest(inside, outside, 'severed-digest', place, findings);
  }
}

function lintComponents({ components, manifest, sections }: Subject, findings: Findings): void {
  const place = { where: 'common' };
  if (components.length === 0) {
    findings.add('component-missing', place, 'expected one or more components, found none');
  }
  const names = components.map(componentName);
  const again = names.find((name, index) => names.indexOf(name) < index);
  if (again !== undefined) {
    findings.add('component-repeated', place, `expected each component once, found ${again} again`);
  }
  const isThere = (name: SectionName): boolean =>
    sections[name] !== undefined || (name in severableKeys && manifest[name as SeverableName] !== undefined);
  if (sectionNames.some((name) => name !== 'sharedSequence' && isThere(name))) return;
  const found = 'expected a sequence beside the shared one, found none';
  findings.add('nothing-to-do', { where: 'manifest' }, found);
}

function lintText(subject: Subject, findings: Findings): void {
  const { manifest, limits } = subject;
  const place = { where: 'text' };
  const encoded = elementOf(subject, 'text');
  if (
    manifest.text !== undefined &&
    !isSevered(manifest.text) &&
    limits.envelopeBytes <= class1.envelopeBytes
  ) {
    findings.add('text-severable', place, 'expected a text that is severable, found it in the manifest');
  }
  if (encoded === undefined) return;
  try {
    const listed = new Set((manifest.common.components ?? []).map(componentName));
    for (const [language, texts] of read(Text, encoded).rest) {
      for (const [component] of texts.rest) {
        const name = componentName(component);
        if (listed.has(name)) continue;
        const found = `expected listed components in ${language}, found ${name}`;
        findings.add('text-component', { ...place, offset: encoded.byteOffset }, found);
      }
    }
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    findings.add('cddl', place, error.message);
  }
}

/** From 2017, when SUIT was chartered, to what 32 bits hold. */
const [earliest, latest] = [1_480_000_000, 0xffff_ffff];

function lintTime({ manifest: { sequenceNumber } }: Subject, findings: Findings): void {
  if (sequenceNumber >= earliest && sequenceNumber <= latest) return;
  const found = `expected the seconds since 1970 as sequence number, found ${sequenceNumber}`;
  findings.add('no-creation-time', { where: 'manifest-sequence-number' }, found);
}

function lintLimits(subject: Subject, findings: Findings): void {
  const { bytes, components, limits, sections } = subject;
  const hold = (where: string, what: string, most: number, found: number) => {
    if (found > most)
      findings.add('profile-limit', { where }, `expected at most ${most} ${what}, found ${found}`);
  };
  hold('envelope', 'bytes', limits.envelopeBytes, bytes.length);
  hold('common', 'components', limits.components, components.length);
  for (const [name, nodes] of Object.entries(sections)) {
    hold(sectionText(name), 'sequences in each other', limits.nestingDepth, depthOf(nodes));
    for (const node of everyNode(nodes)) {
      for (const { parameters } of node.sets) {
        hold(node.place.where, 'bytes of content', limits.contentBytes, parameters.content?.length ?? 0);
      }
    }
  }
}

function depthOf(nodes: readonly Node[]): number {
  let deepest = 0;
  for (const { inner } of nodes) {
    for (const each of inner) if (each.length > 0) deepest = Math.max(deepest, 1 + depthOf(each));
  }
  return deepest;
}
