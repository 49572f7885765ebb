import assert from 'node:assert/strict';
import test from 'node:test';
import { Command } from 'commander';
import { maintenanceWindow, termsFacts, termsOf, withTerms } from '../src/commands/campaign-terms.ts';
import type { TermsOptions } from '../src/commands/campaign-terms.ts';

test('S3-27: a maintenance window is told as people say it', () => {
  assert.deepEqual(maintenanceWindow('02:00-04:00'), { days: 127, opens: 120, lasts: 120 });
  assert.deepEqual(maintenanceWindow('mon-fri 22:30-06:00'), { days: 31, opens: 1350, lasts: 450 });
  assert.deepEqual(maintenanceWindow('sat-mon 00:00-00:00'), { days: 0b1100001, opens: 0, lasts: 1440 });
  assert.deepEqual(maintenanceWindow('wed 01:00-02:00'), { days: 4, opens: 60, lasts: 60 });
  for (const wrong of ['', '2-4', '24:00-25:00', 'mo 02:00-03:00', 'mon-xyz 02:00-03:00', '02:60-03:00']) {
    assert.throws(() => maintenanceWindow(wrong), /expected a window such as/, wrong);
  }
});

function read(...given: readonly string[]): TermsOptions {
  const command = withTerms(new Command('start'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse([...given], { from: 'user' }).opts<TermsOptions>();
}

test('S4-133: the terms of a campaign are signed as they were asked for, a query in its one text', () => {
  const options = read(
    ...['--where', 'version<"1.4.0"   and(flash>=7)', '--bad-rate', '20%', '--urgency', 'critical'],
    ...['--rate', '60', '--approvals', '2', '--soak', '1h', '--deadline', '2d'],
  );
  const terms = termsOf(options, 1_000);
  assert.deepEqual(terms, {
    predicate: 'version < "1.4.0" and flash >= 7',
    gate: { bad: 200, falseHalt: 10, falseGo: 50 },
    soakMs: 3_600_000,
    urgency: 'critical',
    ratePerMinute: 60,
    approvals: 2,
    deadline: 1_000 + 2 * 86_400_000,
  });
  assert.deepEqual(termsOf(read(), 1_000), {});
  const facts = termsFacts({ ...terms, failureRateMax: 50 } as Parameters<typeof termsFacts>[0]);
  assert.deepEqual(Object.fromEntries(facts), {
    for: 'version < "1.4.0" and flash >= 7',
    halts: 'where failures are rather 20% than 5%',
    'each wave': 'at least 60 min',
    rate: 'at most 60 a minute',
    approvals: '2 besides yours',
  });
});

test('a query that is wrong is refused with the place before anything is signed', () => {
  assert.throws(() => read('--where', 'colour == "red"'), /at character 1: expected an attribute/);
  assert.throws(() => read('--urgency', 'soon'), /Allowed choices are critical, high, normal, low/);
});
