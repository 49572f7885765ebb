/** `npm start`: one update, end to end, on real input, with everything that production has but the hardware. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RolloutCheck } from '@lapel/simulator';
import { checkRollout, deviceClass, liveInFleet, seededRandom, vendor } from '@lapel/simulator';
import { httpClient, systemClock } from '@lapel/transport';
import { failureOf } from './failure.ts';
import { keyIn } from './serve/data-folder.ts';
import type { House } from './serve/house.ts';
import { openHouse } from './serve/house.ts';
import type { DemoFleet } from './start/demo-fleet.ts';
import { classNames, openDemoFleet } from './start/demo-fleet.ts';
import { releaseToLamps } from './start/demo-release.ts';
import type { StartOptions } from './start/options.ts';
import { readStartOptions, startUsage } from './start/options.ts';
import { draw, standings, total } from './start/progress.ts';
import { createTerminal } from './terminal.ts';

const terminal = createTerminal({ stdout: process.stdout, stderr: process.stdout, environment: process.env });
const lamp = fileURLToPath(new URL('../../../examples/lamp/build/', import.meta.url));
const loss = { request: 0.05, response: 0.05, chunk: 0.02 } as const;
const pollMs = 1_000;

try {
  const options = readStartOptions(process.argv.slice(2));
  if (options === undefined) terminal.result(startUsage);
  else process.exitCode = await start(options);
} catch (error) {
  const { message, exitCode } = failureOf(error);
  terminal.error(message);
  process.exitCode = exitCode;
}

async function start(options: StartOptions): Promise<number> {
  const begun = performance.now();
  const image = new Uint8Array(await readFile(options.image ?? join(lamp, 'lamp-1.1.0.bin')));
  const factoryImage = new Uint8Array(await readFile(join(lamp, 'lamp-1.0.0.bin')));
  const keys = join(options.data, 'keys');
  const author = await keyIn(join(keys, 'authors'), 'author');
  const operator = await keyIn(join(keys, 'operators'), 'operator');
  const house = await openHouse({
    path: options.data,
    port: options.port,
    onBug: (error) => terminal.error(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    onNotice: (text) => terminal.note(text),
  });
  const stop = new AbortController();
  try {
    const fleet = await openDemoFleet({
      folder: join(options.data, 'devices'),
      count: options.devices,
      factoryImage,
      imageBytes: image.length,
      author,
      tracker: house.folder.trackerKey.public,
    });
    await provisionAll(house, fleet);
    terminal.note(opening(house, fleet, image));
    const lives = fleet.devices.map((device) =>
      liveInFleet(device, surroundings(house, options), stop.signal),
    );
    const campaign = await releaseToLamps(house, { image, author, operator });
    const check = await Promise.race([
      follow(house, fleet, campaign.id, { image, factoryImage }),
      failing(lives),
    ]);
    const seconds = Math.round((performance.now() - begun) / 100) / 10;
    terminal.move('');
    return await conclude(house, { ...check, seconds }, options, campaign.campaign.name);
  } finally {
    stop.abort(new Error('the demonstration is over'));
    await house.close();
  }
}
