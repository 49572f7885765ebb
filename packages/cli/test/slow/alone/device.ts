import assert from 'node:assert/strict';
import { erasedByte, flashBytes, imageBytesMax, twoSlots } from '@lapel/device';
import { portReport } from '@lapel/device/port-suite';

const layout = twoSlots({
  pageBytes: 4096,
  granuleBytes: 8,
  loaderPages: 1,
  journalPages: 1,
  trustStorePages: 1,
  envelopePages: 1,
  imagePages: 4,
});
assert.equal(imageBytesMax(layout), 4 * 4096);
assert.equal(flashBytes(layout.geometry), 15 * 4096);
assert.equal(erasedByte, 0xff);
assert.equal(portReport([]), '0 passed, 0 failed, 0 not offered');
