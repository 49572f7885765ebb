import assert from 'node:assert/strict';
import { class1, erasedByte, flashBytes, imageBytesMax } from '@lapel/device';

const { layout } = class1({ imagePages: 4 });
assert.equal(imageBytesMax(layout), 4 * 2048);
assert.equal(flashBytes(layout.geometry), 22 * 2048);
assert.equal(erasedByte, 0xff);
