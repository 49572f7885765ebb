/** Findings in the form that code reviews read, held against what SARIF 2.1.0 demands of its shape. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { lint, rules } from '@lapel/suit/lint';
import { sarifOf } from '../src/sarif.ts';

const broken = Uint8Array.of(0xd8, 48, 0xa0);

interface Log {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: Driver };
    readonly results: readonly Result[];
  }[];
}
interface Driver {
  readonly name: string;
  readonly version: string;
  readonly rules: readonly {
    readonly id: string;
    readonly shortDescription: Text;
    readonly fullDescription: Text;
    readonly help: Text;
    readonly defaultConfiguration: { readonly level: string };
  }[];
}
interface Text {
  readonly text: string;
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: Text;
  readonly locations: readonly {
    readonly physicalLocation: {
      readonly artifactLocation: { readonly uri: string };
      readonly region?: { readonly byteOffset: number; readonly byteLength: number };
    };
    readonly logicalLocations: readonly { readonly fullyQualifiedName: string }[];
  }[];
}

const levels = ['none', 'note', 'warning', 'error'];

test('S0-31: SARIF has its version, every rule, and a result with a place for each finding', () => {
  const findings = [...lint(broken), ...lint(Uint8Array.of(0xd8, 107, 0xa0))];
  assert.equal(findings.length, 2);
  const log = JSON.parse(JSON.stringify(sarifOf([{ file: 'a folder/lamp.suit', findings }]))) as Log;
  assert.equal(log.version, '2.1.0');
  assert.match(log.$schema, /^https:.*sarif.*2\.1\.0/);
  const [run, ...others] = log.runs;
  assert.ok(run !== undefined && others.length === 0);
  const { driver } = run.tool;
  assert.ok(driver.name.length > 0 && driver.version.length > 0);
  assert.deepEqual(
    driver.rules.map(({ id }) => id),
    Object.keys(rules),
  );
  for (const { shortDescription, fullDescription, help, defaultConfiguration } of driver.rules) {
    for (const { text } of [shortDescription, fullDescription, help]) assert.ok(text.length > 0);
    assert.ok(levels.includes(defaultConfiguration.level));
  }
  assert.equal(run.results.length, findings.length);
  for (const [index, { ruleId, ruleIndex, level, message, locations }] of run.results.entries()) {
    assert.equal(ruleId, findings[index]?.rule);
    assert.equal(driver.rules[ruleIndex]?.id, ruleId);
    assert.ok(levels.includes(level) && message.text.length > 0);
    const [place] = locations;
    assert.ok(place !== undefined);
    const { physicalLocation, logicalLocations } = place;
    // A URI reference, so that the space is escaped.
    assert.equal(physicalLocation.artifactLocation.uri, 'a%20folder/lamp.suit');
    assert.ok((logicalLocations[0]?.fullyQualifiedName ?? '').length > 0);
    const { byteOffset = 0, byteLength = 1 } = physicalLocation.region ?? {};
    assert.ok(Number.isInteger(byteOffset) && byteOffset >= 0 && byteLength > 0);
  }
});

test('S0-31: a file outside of where the command runs has a whole URI', () => {
  const [run] = (sarifOf([{ file: join('/', 'lamp.suit'), findings: lint(broken) }]) as Log).runs;
  assert.equal(run?.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri, 'file:///lamp.suit');
});
