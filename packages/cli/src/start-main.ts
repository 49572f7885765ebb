/**
 * `npm start`: one update, end to end, on real input, with everything that production has but the
 * hardware.
 */

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RolloutCheck, Surroundings } from '@lapel/simulator';
import { checkRollout, deviceClass, liveInFleet, seededRandom, vendor } from '@lapel/simulator';
import { uuidText } from '@lapel/suit';
import { httpClient, systemClock } from '@lapel/transport';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { failureOf } from './failure-of.ts';
import { keepPublicKeys, keyIn, tokenFile } from './serve/data-folder.ts';
import type { House } from './serve/house.ts';
import { openHouse } from './serve/house.ts';
import type { DemoFleet } from './start/demo-fleet.ts';
import { classNames, openDemoFleet } from './start/demo-fleet.ts';
import { releaseToLamps } from './start/demo-release.ts';
import type { StartOptions } from './start/options.ts';
import { readStartOptions, startUsage } from './start/options.ts';
import { draw, standings } from './start/progress.ts';
import { createServerLog } from './serve/create-server-log.ts';
import { createTerminal } from './terminal.ts';

const terminal = createTerminal({ stdout: process.stdout, stderr: process.stdout, environment: process.env });
const lamp = fileURLToPath(new URL('../../../examples/lamp/build/', import.meta.url));
const loss = { request: 0.05, response: 0.05, chunk: 0.02 } as const;
const pollMs = 1_000;

async function start(options: StartOptions): Promise<number> {
  const begun = performance.now();
  const image = await readImage(options.image ?? join(lamp, 'lamp-1.1.0.bin'));
  const factoryImage = await readImage(join(lamp, 'lamp-1.0.0.bin'));
  const keys = () => demoKeys(options.data);
  const house = await openHouse({
    path: options.data,
    port: options.port,
    prepare: async () => void (await keys()),
    classNames: new Map(classNames.map((name) => [uuidText(deviceClass(name)), name])),
    log: await createServerLog(terminal, { format: 'text', level: 'info' }),
  });
  const stop = new AbortController();
  const lives: Promise<unknown>[] = [];
  try {
    const { author, operator } = await keys();
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
    lives.push(
      ...fleet.devices.map((device) => liveInFleet(device, surroundings(house, options), stop.signal)),
    );
    const campaign = await releaseToLamps(house, { image, author, operator });
    const rollout = follow(house, fleet, campaign.id, { image, factoryImage });
    const check = await Promise.race([rollout, ...lives.map(unexpectedEnd)]);
    const seconds = Math.round((performance.now() - begun) / 100) / 10;
    conclude(house, options, check, campaign.campaign.name, seconds);
    if (!options.once) await Promise.race([interrupted(), ...lives.map(unexpectedEnd)]);
    return check.failed === 0 && check.wrongClassChanged === 0 && check.addressed > 0 ? 0 : 1;
  } finally {
    stop.abort(new Error('the demonstration is over'));
    await Promise.allSettled(lives);
    await house.close();
  }
}

/**
 * Author and operator of the demonstration: their private keys are theirs, the server gets the public
 * halves.
 */
async function demoKeys(data: string) {
  const people = join(data, 'people');
  const author = await keyIn(people, 'author');
  const operator = await keyIn(people, 'operator');
  await keepPublicKeys([join(people, 'author.pub.pem')], join(data, 'keys', 'authors'));
  await keepPublicKeys([join(people, 'operator.pub.pem')], join(data, 'keys', 'operators'));
  return { author, operator };
}

const imageBytesMax = 4 * 1024 * 1024;

async function readImage(file: string): Promise<Uint8Array> {
  const found = await stat(file);
  if (!found.isFile()) {
    throw new CommandFailure(exitCodes.failed, `expected ${file} to be a file, found another thing`);
  }
  if (found.size > imageBytesMax) {
    const message = `expected a firmware of at most ${imageBytesMax} bytes in ${file}, found ${found.size}`;
    throw new CommandFailure(exitCodes.failed, message);
  }
  return new Uint8Array(await readFile(file));
}

/** The trust provisioning authority's part: the tracker is told every device's public key. */
async function provisionAll(house: House, { devices }: DemoFleet): Promise<void> {
  for (const { id, className, trust } of devices) {
    const device = { id, key: trust.deviceKey.public, vendor, class: deviceClass(className) };
    await house.tracker.desk.provision(device, 'npm start');
  }
}

function opening(house: House, { devices, found }: DemoFleet, image: Uint8Array): string {
  const [lamps, lanterns] = classNames.map(
    (name) => devices.filter(({ className }) => className === name).length,
  );
  const fleet = `${devices.length} devices (${lamps} ${classNames[0]}s, ${lanterns} ${classNames[1]}s)`;
  const where = found ? `found in ${house.folder.path}` : `made in ${house.folder.path}`;
  return `${fleet}, ${where}, behind a link that loses one message in ten
firmware server and status tracker on ${house.url}
an image of ${image.length} bytes for the ${classNames[0]}s`;
}

function surroundings(house: House, { seed }: StartOptions): Surroundings {
  return {
    upstream: httpClient(house.url, { timeoutMs: 10_000, maxSockets: 64 }),
    origin: house.url,
    loss,
    clock: systemClock,
    random: seededRandom(seed),
    pollMs,
  };
}

const rolloutMsMax = 30 * 60_000;

/** Draws until the campaign has ended, then asks the devices' flash. */
async function follow(
  house: House,
  fleet: DemoFleet,
  campaign: string,
  images: { readonly image: Uint8Array; readonly factoryImage: Uint8Array },
): Promise<RolloutCheck> {
  let drawn = '';
  for (const deadline = performance.now() + rolloutMsMax; performance.now() < deadline;) {
    const { state, because } = await house.tracker.desk.campaign(campaign);
    drawn = draw(terminal, await standings(house, campaign), drawn);
    if (state === 'halted' || state === 'aborted')
      terminal.note(`the campaign is ${state}: ${because ?? ''}`);
    if (state !== 'running' && state !== 'paused') break;
    await systemClock.sleep(250);
  }
  terminal.move('');
  const flashes = fleet.devices.map(({ id, className, flash, profile }) => {
    return { id, className, content: flash.dump(), layout: profile.layout };
  });
  const { image, factoryImage: factory } = images;
  return checkRollout(flashes, { className: classNames[0], image, factory });
}

/** A device that stops living has failed, whatever the tracker believes. */
async function unexpectedEnd(life: Promise<unknown>): Promise<never> {
  const decision = await life;
  throw new Error(`expected the device to live on, found its end: ${JSON.stringify(decision)}`);
}

const interrupted = () =>
  new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

function conclude(
  house: House,
  { once, data }: StartOptions,
  check: RolloutCheck,
  campaign: string,
  seconds: number,
): void {
  const { devices, addressed, confirmed, wrongClassChanged } = check;
  const others = wrongClassChanged === 0 ? 'no other device changed' : `${wrongClassChanged} others changed`;
  const [lamps] = classNames;
  const done = `${confirmed} of ${addressed} ${lamps}s run ${campaign}, by their own flash; ${others}`;
  terminal.result(`${terminal.paint('bold', done)} (${seconds} s)`);
  const look = `npx --no-install lapel devices --token-file ${tokenFile({ path: data }, 'viewer')}`;
  terminal.result(`See the fleet: ${house.url} · ${look}`);
  terminal.result('Try next: npm start -- --image FILE · npx --no-install lapel --help · npm run powercut');
  if (once) terminal.result(JSON.stringify({ ...check, devices, seconds }));
  else terminal.note('Serving on; Ctrl-C ends it.');
}

try {
  const options = readStartOptions(process.argv.slice(2));
  if (options === undefined) terminal.result(startUsage);
  else process.exitCode = await start(options);
} catch (error) {
  const { message, exitCode } = failureOf(error);
  terminal.error(message);
  process.exitCode = exitCode;
}
