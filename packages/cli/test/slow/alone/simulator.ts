import assert from 'node:assert/strict';
import { norFlash, seededRandom } from '@lapel/simulator';

const flash = norFlash({ geometry: { pageBytes: 256, granuleBytes: 8, pages: 2 } });
const bytes = seededRandom(8421).bytes(8);
flash.program(0, bytes);
assert.deepEqual(flash.read(0, 8), bytes);
// Programming only clears bits, and each granule once: the second time is a mistake.
assert.throws(() => flash.program(0, bytes));
