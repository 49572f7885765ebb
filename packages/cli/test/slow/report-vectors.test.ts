/** `lapel report` over the derived reports: who is believed, and who is not. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');
const vectors = resolve(
  process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../../shared/vectors'),
);
const folder = join(vectors, 'derived-report');
const skip = existsSync(folder)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

function report(name: string, ...further: readonly string[]) {
  const trust = join(vectors, 'manifest-spec-37', 'public_key.pem');
  const args = [join(folder, `${name}.cbor`), '--trust', trust, ...further];
  const { status, stdout, stderr } = spawnSync(process.execPath, [lapel, 'report', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
const about = ['--manifest', join(folder, 'manifest.suit')];

const believed: Readonly<Record<string, RegExp>> = {
  'R02-success-sign1': /the update succeeded/,
  'R03-condition-failed-sign1': /the update failed at condition-image-match on h'00' \(install, byte 34\)/,
  'R04-system-properties': /h'00' was found with image-digest sha-256 .*, image-size 30 bytes/,
  'R05-capability-report': /capabilities {2}told/,
  'R06-invoke-pending': /a restart will try it/,
};
const refused: Readonly<Record<string, RegExp>> = {
  'R01-success-unprotected': /stage auth, reason unauthorised/,
  'R10-bad-signature': /expected a signature of a trusted key, found another/,
  'R12-missing-reference': /expected key 99/,
  'R13-result-false': /expected true or a failure, found false/,
  'R14-record-offset-not-a-condition':
    /expected a command that is recorded at byte 1 of section 20, found none/,
  'R15-digest-mismatch': /expected a report of this manifest, found one of another/,
};

test(
  'S0-30, S4-99: a report is believed where it is signed and can be true of its manifest',
  { skip },
  () => {
    for (const [name, told] of Object.entries(believed)) {
      const { status, stdout } = report(name, ...about);
      assert.match(stdout, told, name);
      assert.equal(status, 0, name);
    }
    for (const [name, told] of Object.entries(refused)) {
      const { status, stderr } = report(name, ...about);
      assert.match(stderr, told, name);
      assert.equal(status, 6, name);
    }
  },
);

test(
  'S4-99: a report answers the nonce that was sent, with its manifest at hand or without',
  { skip },
  () => {
    const sent = Buffer.from('nonce-01').toString('hex');
    for (const further of [[], about]) {
      assert.equal(report('R02-success-sign1', '--nonce', sent, ...further).status, 0);
      const { status, stderr } = report('R02-success-sign1', '--nonce', `${sent}00`, ...further);
      assert.match(stderr, /expected the nonce/);
      assert.equal(status, 6);
    }
    assert.match(
      report('R05-capability-report', '--nonce', sent).stderr,
      /expected the nonce .*, found none/,
    );
  },
);
