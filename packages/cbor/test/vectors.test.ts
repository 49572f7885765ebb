import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CborError, decode, diagnostic, encode, hex, unhex } from '@lapel/cbor';

const vectors = join(
  process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'),
  'cbor',
);
const missing = existsSync(vectors) ? false : 'the public vectors are not here: set LAPEL_VECTORS';

interface AppendixA {
  readonly hex: string;
  readonly roundtrip: boolean;
  readonly diagnostic?: string;
}

/**
 * Refused: longer forms of infinities and NaN, indefinite lengths, and f818, which RFC 8949 §3.3 no longer
 * allows.
 */
const isDeterministic = (row: AppendixA) => row.roundtrip && row.hex !== 'f818';

test(
  'S0-02, RFC 8949 App. A: what is deterministic is read and written back byte for byte',
  { skip: missing },
  () => {
    const rows = JSON.parse(readFileSync(join(vectors, 'appendix_a.json'), 'utf8')) as AppendixA[];
    assert.ok(rows.length > 50);
    for (const row of rows) {
      const bytes = unhex(row.hex)!;
      if (isDeterministic(row)) {
        assert.equal(hex(encode(decode(bytes))), row.hex);
        if (row.diagnostic !== undefined) assert.ok(diagnostic(decode(bytes)).length > 0);
      } else {
        assert.throws(() => decode(bytes), CborError, row.hex);
      }
    }
  },
);
