/** Every derived vector of manifest-37, with its expected verdict at its expected stage. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unhex } from '@lapel/cbor';
import { macKey } from '@lapel/cose';
import type { Ending, Procedure, Stage } from '@lapel/suit';
import { SuitError, admit, authenticate, driveSync, linux, run } from '@lapel/suit';
import { memoryRecipient } from './memory-recipient.ts';
import type { Vector, VectorIndex } from './public-vectors.ts';
import { exampleKey, missing, vectorBytes, vectorIndex } from './public-vectors.ts';

/** Vectors of the extension drafts need more than manifest-37. */
const isManifest37 = ({ file }: Vector) => /^[PN]/.test(file);

/** A device with 4 components, as small as the one that the vectors speak of. */
const limits = { ...linux, components: 4 };

type Verdict = 'accept' | `reject at ${Stage}`;

function judge(vector: Vector, index: VectorIndex, procedure: Procedure): Verdict {
  const { device } = index;
  const firmware = vectorBytes('derived-37', 'fw.bin');
  const sequence = vector.device?.sequence ?? device.sequence;
  const recipient = memoryRecipient({
    limits,
    vendor: device.vendor,
    class: device.class,
    floor: sequence === 0 ? undefined : { sequenceNumber: sequence },
    components: {
      '00': firmware,
      '01': vectorBytes('derived-37', 'fw2.bin'),
    },
    payloads: new Map(
      Object.entries(vector.payloads ?? {}).map(([uri, file]) => [uri, vectorBytes('derived-37', file)]),
    ),
  });
  const anchors = [{ key: exampleKey().public }, { key: macKey(unhex(index.keys.hmac_hex)!) }];
  try {
    const admitted = admit(authenticate(vectorBytes('derived-37', vector.file), anchors, limits), recipient);
    const ending: Ending = driveSync(run(admitted, procedure), recipient.perform);
    if (ending.failure !== undefined) throw ending.failure.error;
    return 'accept';
  } catch (error) {
    if (error instanceof SuitError) return `reject at ${error.stage}`;
    throw error;
  }
}

const vectors = missing === false ? vectorIndex().vectors.filter(isManifest37) : [];

test('S0-31: the derived vectors are here', { skip: missing }, () => assert.ok(vectors.length > 0));

for (const vector of vectors) {
  const name = vector.file.replace('.suit', '');
  if (vector.expect === 'policy') continue;
  test(`S0-08, S4-91 … S4-99: ${name} (${vector.why})`, () => {
    const index = vectorIndex();
    if (vector.expect === 'reject') {
      assert.equal(judge(vector, index, 'update'), `reject at ${vector.stage}`);
    } else if (vector.expect === 'accept-for-boot') {
      assert.equal(judge(vector, index, 'invocation'), 'accept');
      assert.equal(judge(vector, index, 'update'), 'reject at run');
    } else {
      assert.equal(judge(vector, index, vector.stage === 'boot' ? 'invocation' : 'update'), 'accept');
    }
  });
}
