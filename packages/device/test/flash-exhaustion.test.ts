/** RFC 9019 §3.6: nothing is written to flash for a manifest that the device does not accept. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { unhex } from '@lapel/cbor';
import { readKeyPem } from '@lapel/cose';
import type { TrustStore } from '@lapel/device';
import { readTrustStore } from '@lapel/device';
import type { SuitError } from '@lapel/suit';
import { verify } from '../src/firmware-consumer/verify.ts';
import { refusals } from './life.ts';
import { flashOf, make, recordOf } from './world.ts';

const root = resolve(process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'));
const skip: string | false = existsSync(root)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

interface Vector {
  readonly file: string;
  readonly expect: string;
  readonly stage: string;
  readonly why: string;
  readonly device?: { readonly sequence?: number };
}

const index = () =>
  JSON.parse(readFileSync(join(root, 'derived-37', 'index.json'), 'utf8')) as {
    readonly device: { readonly vendor: string; readonly class: string };
    readonly vectors: readonly Vector[];
  };

const bytesOf = (hexText: string) => unhex(hexText) ?? assert.fail(`expected hex, found ${hexText}`);

/** Who signed the vectors, and for which devices. */
function vectorTrust(): Pick<TrustStore, 'vendor' | 'class' | 'anchors'> {
  const base64 = readFileSync(join(root, 'manifest-spec-37', 'private_key.b64'), 'utf8').trim();
  const key = readKeyPem(`-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`);
  assert.ok(key.use === 'sign');
  const { vendor, class: product } = index().device;
  return { vendor: bytesOf(vendor), class: bytesOf(product), anchors: [{ key: key.public }] };
}

test(
  'S4-48, S4-42: every vector refused at parse, auth or setup leaves the flash as it was',
  { skip },
  async () => {
    const made = await make();
    const trusted = vectorTrust();
    const refused = index().vectors.filter(
      ({ expect, stage, file }) => expect === 'reject' && stage !== 'run' && file.startsWith('N'),
    );
    assert.ok(refused.length >= 25);
    const { profile } = made;
    for (const { file, stage, why, device } of refused) {
      const flash = flashOf(made);
      const trust = readTrustStore(flash, profile.layout.trustStore);
      assert.ok(trust !== undefined);
      const envelope = new Uint8Array(readFileSync(join(root, 'derived-37', file)));
      const record = recordOf(made, flash);
      // The vectors' own device has installed nothing, but for the one vector that is about rollback.
      const floors: typeof record.floors = device?.sequence === 1 ? record.floors : new Map();
      assert.throws(
        () => verify(envelope, profile, { ...trust, ...trusted }, { ...record, floors }),
        (error: SuitError) => error.stage === stage,
        `${file}: ${why}`,
      );
      const [told, ...more] = await refusals(made, flash, [envelope], trusted);
      assert.match(told ?? '', /expected/, file);
      assert.deepEqual(more, [], file);
      assert.equal(flash.operations, 0, file);
      assert.deepEqual(flash.dump(), made.factory, file);
    }
  },
);
