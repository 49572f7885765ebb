import assert from 'node:assert/strict';
import { erasedByte, imageBytesMax, twoSlots } from '@lapel/device';

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
assert.equal(layout.geometry.pages, 15);
assert.equal(erasedByte, 0xff);
