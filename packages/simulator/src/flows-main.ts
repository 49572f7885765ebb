/**
 * `npm run flows`: both example flows of the architecture, played by real parties and held against the
 * figures.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arrowsWithTracker, flowWithTracker } from './flow-with-tracker.ts';
import { arrowsWithoutTracker, flowWithoutTracker } from './flow-without-tracker.ts';

const flows = [
  {
    title: 'First flow (RFC 9019 §9): no status tracker, the device asks for the latest',
    play: flowWithoutTracker,
    expected: arrowsWithoutTracker,
  },
  {
    title: 'Second flow (RFC 9019 §9): the status tracker pushes the manifest',
    play: flowWithTracker,
    expected: arrowsWithTracker,
  },
];

const folder = await mkdtemp(join(tmpdir(), 'lapel-flows-'));
try {
  let differences = 0;
  for (const [index, { title, play, expected }] of flows.entries()) {
    const arrows = await play(join(folder, String(index)));
    console.log(title);
    const length = Math.max(arrows.length, expected.length);
    for (let step = 0; step < length; step++) {
      const same = arrows[step] === expected[step];
      if (!same) differences++;
      const number = String(step + 1).padStart(4);
      console.log(`${number}  ${same ? 'ok' : '--'}  ${arrows[step] ?? '(nothing)'}`);
      if (!same) console.log(`          expected ${expected[step] ?? '(nothing)'}`);
    }
    console.log('');
  }
  console.log(
    differences === 0 ? 'Both flows, in the order of the figures.' : `${differences} arrows differ.`,
  );
  process.exitCode = differences === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
