/**
 * Findings as a code review shows them: SARIF 2.1.0 (OASIS). A manifest is binary, so a place in it is a
 * byte (§3.30), and what it is called (§3.33).
 */

import { pathToFileURL } from 'node:url';
import { relative } from 'node:path';
import type { Finding, RuleName } from '@lapel/suit/lint';
import { rules } from '@lapel/suit/lint';
import { version } from './version.ts';

export interface LintedFile {
  readonly file: string;
  readonly findings: readonly Finding[];
}

export function sarifOf(files: readonly LintedFile[]): object {
  const names = Object.keys(rules) as RuleName[];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'lapel lint', version, rules: names.map(descriptor) } },
        // Otherwise columns would be counted in what no binary has.
        columnKind: 'unicodeCodePoints',
        results: files.flatMap(({ file, findings }) => findings.map((each) => result(file, each, names))),
      },
    ],
  };
}

function descriptor(name: RuleName): object {
  const { severity, section, wants, mend } = rules[name];
  return {
    id: name,
    shortDescription: { text: wants },
    fullDescription: { text: `${section}: ${wants}` },
    help: { text: mend },
    defaultConfiguration: { level: severity },
  };
}

function result(file: string, finding: Finding, names: readonly RuleName[]): object {
  const { rule, severity, message, mend, where, offset } = finding;
  return {
    ruleId: rule,
    ruleIndex: names.indexOf(rule),
    level: severity,
    message: { text: `${where}: ${message}; ${mend}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          ...(offset === undefined ? {} : { region: { byteOffset: offset, byteLength: 1 } }),
        },
        logicalLocations: [{ fullyQualifiedName: where }],
      },
    ],
  };
}

/** Relative to where the command runs, as reviews name files; stdin has no name. */
function uriOf(file: string): string {
  if (file === '-') return 'stdin';
  const own = relative(process.cwd(), file);
  return own.startsWith('..') ? pathToFileURL(file).href : own.split('\\').map(encodeURI).join('/');
}
