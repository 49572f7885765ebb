import assert from 'node:assert/strict';
import { class1, erasedByte, flashBytes, imageBytesMax } from '@lapel/device';
import { portReport } from '@lapel/device/port-suite';

const { layout } = class1({ imagePages: 4 });
assert.equal(imageBytesMax(layout), 4 * 2048);
assert.equal(flashBytes(layout.geometry), 22 * 2048);
assert.equal(erasedByte, 0xff);
assert.equal(portReport([]), '0 passed, 0 failed, 0 not offered');
