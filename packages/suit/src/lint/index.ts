/**
 * What is wrong with a manifest, found from its bytes alone, before any device has it (RFC 9124 §4.3.19):
 * for authors, and for servers that publish. No part of what a device runs.
 */

import type { Limits } from '../limits.ts';
import { server } from '../limits.ts';
import type { Finding } from './finding.ts';
import { collectFindings } from './finding.ts';
import { lintCommands } from './lint-commands.ts';
import { lintFlow } from './lint-flow.ts';
import { lintFrame } from './lint-frame.ts';
import { lintPayloads } from './lint-payloads.ts';
import { readSubject } from './subject.ts';

export { rules } from './finding.ts';
export type { Finding, RuleName } from './finding.ts';
export type { Rule, Severity } from './rule.ts';

/** @param limits what the devices that it is for can afford. */
export function lint(bytes: Uint8Array, limits: Limits = server): readonly Finding[] {
  const findings = collectFindings();
  const subject = readSubject(bytes, limits, findings);
  if (subject !== undefined) {
    lintFrame(subject, findings);
    lintCommands(subject, findings);
    lintFlow(subject, findings);
    lintPayloads(subject, findings);
  }
  return findings.found;
}
