/** Devices that live: with a real firmware server, until nothing new is to come, under guard. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import { publishRelease } from '@lapel/author';
import { digest } from '@lapel/cose';
import type { BootDecision, Candidate, Flash, OnStep, Profile, Step } from '@lapel/device';
import type { TrustStore, UpdateSource } from '@lapel/device';
import { Journal, boot, readTrustStore, runAgent, serverSource } from '@lapel/device';
import { createFirmwareServer } from '@lapel/firmware-server';
import type { Behaviour, NorFlash, Running } from '@lapel/simulator';
import { live, readFlash, seededRandom, simulatedClock } from '@lapel/simulator';
import type { Handler } from '@lapel/transport';
import { bearer, bytesBody, request } from '@lapel/transport';
import type { Made } from './world.ts';

export const origin = 'http://firmware.example';

/** A firmware server in a folder of its own, for as long as a test lasts. */
export async function withServer(
  made: Made,
  use: (server: {
    readonly handler: Handler;
    publish(envelope: Uint8Array, image: Uint8Array): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-device-'));
  try {
    const { handler } = await createFirmwareServer({
      folder,
      trustAnchors: [{ key: made.author.public }],
      onBug: (error) => assert.fail(String(error)),
      onRefused: (of, why) => assert.fail(`${of}: ${why}`),
    });
    const publish = (envelope: Uint8Array, image: Uint8Array) => publishTo(handler, envelope, image);
    await use({ handler, publish });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function publishTo(server: Handler, envelope: Uint8Array, image: Uint8Array): Promise<void> {
  const staff = bearer(server, (token) => ({ id: token, roles: [token] }));
  const payload = {
    digest: hex(digest('sha-256', image)),
    sizeBytes: image.length,
    open: () => bytesBody(image),
  };
  const published = await publishRelease(staff, { envelope, payloads: [payload], token: 'author' });
  const headers = { authorization: 'Bearer operator' };
  const answer = await staff(request('POST', `/releases/${published.digest}`, { headers }));
  assert.equal(answer.status, 'ok');
}

export interface Life {
  readonly flash: NorFlash;
  readonly handler: Handler;
  readonly seed?: number;
  /** Where updates come from; the firmware server where absent. */
  readonly connect?: (trust: TrustStore, running: Running) => UpdateSource;
  readonly behaviour?: (running: Running) => Behaviour;
  readonly onStep?: OnStep;
}

export interface Lived {
  readonly decisions: readonly BootDecision[];
  readonly steps: readonly (readonly [Step, string | undefined])[];
  /** Simulated milliseconds. */
  readonly ms: number;
  readonly end: unknown;
}

const looksMax = 40;
const stuckMs = 365 * 24 * 3_600_000;

/**
 * Lets a device live until its source has nothing new, twice in a row. What is running, the trust store and
 * the loader are under guard: whoever writes there has failed the test.
 */
export async function liveUntilQuiet(made: Made, life: Life): Promise<Lived> {
  const { profile } = made;
  const clock = simulatedClock();
  const decisions: BootDecision[] = [];
  const steps: [Step, string | undefined][] = [];
  const done = new AbortController();
  const connect = life.connect ?? ((trust, running) => asksServer(made, life.handler, trust, running));
  const flash = guarded(life.flash, profile, () => decisions.at(-1));
  let [looks, quiet] = [0, 0];
  // Whatever goes round in circles ends here, in no time.
  const stuck = clock.sleep(stuckMs, done.signal).then(
    () => (done.abort(new Error('stuck')), true),
    () => false,
  );
  const end: unknown = await live(
    {
      flash,
      profile,
      clock,
      random: seededRandom(life.seed ?? 1),
      pollMs: 60_000,
      network: (asked) => (asked === origin ? life.handler : undefined),
      behaviour: life.behaviour ?? (() => 'sound'),
      onBoot: (decision) => decisions.push(decision),
      onStep: (step, detail) => {
        steps.push([step, detail]);
        life.onStep?.(step, detail);
      },
      connect(trust, running) {
        const source = connect(trust, running);
        return {
          ...source,
          async next(signal) {
            if (++looks > looksMax) throw new Error(`expected the device to settle in ${looksMax} looks`);
            const candidate = await source.next(signal);
            quiet = candidate === undefined ? quiet + 1 : 0;
            if (quiet === 2) done.abort(new Error('quiet'));
            return candidate;
          },
        };
      },
    },
    done.signal,
  ).catch((error: unknown) => error);
  const ms = clock.monotonicMs();
  done.abort(new Error('over'));
  assert.equal(await stuck, false, 'expected the device to settle within a year');
  return { decisions, steps, ms, end };
}

export const asksServer = (
  made: Made,
  handler: Handler,
  trust: TrustStore,
  { manifest }: Running,
): UpdateSource =>
  serverSource({
    handler,
    origin,
    vendor: trust.vendor,
    class: trust.class,
    running: manifest.digest.bytes,
    envelopeBytesMax: made.profile.limits.envelopeBytes,
  });

/** Refuses what no device may do: write the loader (S4-47), the trust store, or the slot that runs. */
export function guarded(flash: Flash, { layout }: Profile, runs: () => BootDecision | undefined): Flash {
  const inside = (address: number, region: { readonly address: number; readonly bytes: number }) =>
    address >= region.address && address < region.address + region.bytes;
  const check = (address: number) => {
    const decision = runs();
    const slot = decision?.boot === 'slot' ? layout.slots[decision.slot] : undefined;
    const kept = [layout.loader, ...layout.trustStore, ...(slot ? [slot.envelope, slot.image] : [])];
    if (kept.some((region) => inside(address, region)))
      throw new Error(`wrote where it must not: ${address}`);
  };
  return {
    geometry: flash.geometry,
    read: (address, length) => flash.read(address, length),
    program(address, bytes) {
      check(address);
      flash.program(address, bytes);
    },
    erase(address) {
      check(address);
      flash.erase(address);
    },
  };
}

/** What the device would tell a person: the steps, without their details. */
export const stepNames = ({ steps }: Pick<Lived, 'steps'>): readonly Step[] => steps.map(([step]) => step);

/** A peer that has one update for the device, names it twice, and keeps what it is told. */
export function offers(
  candidate: () => Candidate,
  changes: Partial<UpdateSource> = {},
): UpdateSource & { readonly told: string[]; readonly reports: number[] } {
  let asked = 0;
  const told: string[] = [];
  const reports: number[] = [];
  return {
    told,
    reports,
    announce: async ({ state }) => (told.push(state), true),
    next: async () => (asked++ < 1 ? candidate() : undefined),
    report: async ({ length }) => void reports.push(length),
    postpone: () => void (asked = 0),
    ...changes,
  };
}

export const given = (envelope: Uint8Array): Candidate => ({
  uri: `${origin}/manifests/x`,
  envelope,
  binding: {},
});

/** A link that nobody may use. */
export const refuses: Handler = async ({ path }) => assert.fail(`expected no request, found ${path}`);

/**
 * Offers these envelopes to a running device, one after the other, on a link that nobody may use. Returns how
 * each was refused.
 */
export async function refusals(
  made: Made,
  flash: Flash,
  envelopes: Iterable<Uint8Array>,
  changes: Partial<TrustStore> = {},
): Promise<readonly string[]> {
  const { profile } = made;
  const decision = boot(flash, profile);
  const trust = readTrustStore(flash, profile.layout.trustStore);
  assert.ok(decision.boot === 'slot' && trust !== undefined);
  const left: Iterator<Uint8Array, unknown> = envelopes[Symbol.iterator]();
  const done = new AbortController();
  const refused: string[] = [];
  const source: UpdateSource = {
    announce: async () => true,
    report: async () => undefined,
    postpone: () => assert.fail('expected an update to be refused, found it postponed'),
    async next() {
      const step = left.next();
      if (step.done !== true) return given(step.value);
      done.abort(new Error('all offered'));
      return undefined;
    },
  };
  const end = runAgent(
    {
      flash,
      profile,
      decision,
      source,
      trust: { ...trust, ...changes },
      journal: Journal.open(flash, profile.layout.journal),
      clock: simulatedClock(),
      random: seededRandom(1),
      pollMs: 1000,
      selfTest: async () => true,
      network: () => refuses,
      onStep: (step, detail) => void (step === 'failed' && refused.push(`${detail}`)),
    },
    done.signal,
  );
  await assert.rejects(end, { message: 'all offered' });
  return refused;
}

/** Longer than three marks of the download. */
export const newImage = seededRandom(2).bytes(29_003);

/** The starts in one line: the slot, and a `t` where it was on trial. */
export const bootsOf = ({ decisions }: Pick<Lived, 'decisions'>): string =>
  decisions
    .map((each) => (each.boot === 'nothing' ? '-' : `${each.slot}${each.onTrial ? 't' : ''}`))
    .join(' ');

/** What the reader of its own sees in the flash. */
export const seenIn = (made: Made, flash: { dump(): Uint8Array }) =>
  readFlash(flash.dump(), made.profile.layout);

/** A link that hands bodies over in pieces of 1000 bytes. */
export const pieces =
  (upstream: Handler): Handler =>
  async (asked) => {
    const response = await upstream(asked);
    async function* body() {
      for await (const chunk of response.body) {
        for (let at = 0; at < chunk.length; at += 1000) yield chunk.subarray(at, at + 1000);
      }
    }
    return { ...response, body: body() };
  };
