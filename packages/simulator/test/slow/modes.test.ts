/** The update modes, each played once: what `npm run modes` prints, as tests. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Play } from '../../src/modes-play.ts';
import { lamp, meter, pump } from '../../src/modes-suites.ts';
import { configuration, password, vehicle } from '../../src/modes-scenarios.ts';

const seed = 1;

const holds = (play: Play) => async () => {
  const { checks } = await play({ seed, over: 'http' });
  assert.ok(checks.length >= 3);
  const broken = checks.filter((check) => !check.holds).map(({ sentence }) => sentence);
  assert.deepEqual(broken, []);
};

test(
  'S3-18, S3-19, S3-20, S3-21, S3-22, S4-56, S4-81: a device polls, and installs when it is idle',
  holds(lamp),
);
test(
  'S3-08, S3-18, S3-23, S3-24, S3-27 … S3-30, S3-42, S4-16, S4-81: a server updates what is never idle',
  holds(meter),
);
test(
  'S3-18, S3-31, S3-32, S3-33, S3-34, S3-36, S3-38, S4-59: a device names a time, and is updated then',
  holds(pump),
);
test(
  'S3-02, S3-09, S3-28, S4-64, S4-111: a vehicle fetches while it drives, and installs when it may',
  holds(vehicle),
);
test(
  'S2-21, S3-02, S3-39, S3-41: a configuration alone is of low urgency, and replaces nothing else',
  holds(configuration),
);
test(
  'S3-05, S4-64, S4-142: an update is kept only when the default password has been changed',
  holds(password),
);
