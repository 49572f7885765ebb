/**
 * One update by a real device, from the offer to its confirmation, and what that does to the flash: counted
 * where flash is read, programmed and erased. Milliseconds are those of the profile.
 */

import { hex } from '@lapel/cbor';
import type { Flash, Profile } from '@lapel/device';
import { boot, readTrustStore, runAgent } from '@lapel/device';
import { simulatedClock } from '../src/clock.ts';
import { norFlash } from '../src/flash.ts';
import { servedFromMemory } from '../src/memory-payloads.ts';
import type { Release } from '../src/powercut-scenario.ts';
import type { Wanted } from '../src/powercut-workshop.ts';
import { workshop } from '../src/powercut-workshop.ts';
import { seededRandom } from '../src/random.ts';

export interface MeasuredUpdate {
  /** Programs and erases. */
  readonly operations: number;
  readonly programmedBytes: number;
  /** Of all images that were brought, and of the envelope beside each. */
  readonly broughtBytes: number;
  /** Of the starts between the running application and the next one. */
  readonly startsProgrammedBytes: number;
  readonly downtimeMs: number;
  /** What the application was told before. */
  readonly expectedMs: number;
  /** A start of the same image with nothing to do. */
  readonly plainStartMs: number;
}

/** Images are as large as this, old and new ones, in each component. */
export async function measureUpdate(profile: Profile, imageBytes: number): Promise<MeasuredUpdate> {
  const { fresh, chip } = await prepared(profile, imageBytes);
  const work = noWork();
  const counting = { profile, imageBytes, envelopeBytes: fresh.envelope.length };
  const flash = counted(norFlash({ geometry: profile.layout.geometry, ...chip }), work, counting);
  const {
    offer,
    restart,
    runs,
    confirmed,
    expectedMs = Number.NaN,
  } = await live(flash, work, profile, fresh);
  if (!offer || !restart || !runs || !confirmed) throw new Error('expected an update, found none');
  const whole = between(offer, confirmed);
  const away = between(restart, runs);
  const images = [...fresh.images.values()];
  return {
    operations: whole.erases + whole.programs,
    programmedBytes: whole.programmedBytes,
    broughtBytes: images.reduce((sum, image) => sum + image.length + fresh.envelope.length, 0),
    startsProgrammedBytes: away.programmedBytes,
    downtimeMs: takenMs(away, profile),
    expectedMs,
    plainStartMs: plainStartMs(flash, work, profile),
  };
}

/** What had been done when the update was offered, when the device restarted for it, and so on. */
interface Marks {
  offer?: Work;
  restart?: Work;
  runs?: Work;
  confirmed?: Work;
  expectedMs?: number;
}

async function live(flash: Flash, work: Work, profile: Profile, fresh: Release): Promise<Marks> {
  const done = new AbortController();
  const marks: Marks = {};
  const payloads = servedFromMemory([...fresh.images.values()]);
  const clock = simulatedClock();
  while (!done.signal.aborted) {
    work.resets++;
    const decision = boot(flash, profile);
    const trust = readTrustStore(flash, profile.layout.trustStore);
    if (decision.boot === 'nothing' || trust === undefined) throw new Error('expected a start, found none');
    const runs = decision.running.some(({ manifest }) => hex(manifest.digest.bytes) === fresh.digest);
    if (runs) marks.runs ??= { ...work };
    const next = async () => {
      if (runs) done.abort(new Error('confirmed'));
      if (runs) return undefined;
      marks.offer ??= { ...work };
      return { uri: `${origin}/manifest`, envelope: fresh.envelope, binding };
    };
    const isDown = () => marks.restart !== undefined && marks.runs === undefined;
    await runAgent(
      {
        flash,
        profile,
        trust,
        journal: decision.journal,
        decision,
        clock,
        random: seededRandom(1),
        pollMs: 1000,
        network: (asked) => (asked === origin ? payloads : undefined),
        source: { announce: async () => true, report: async () => undefined, postpone() {}, next },
        selfTest: async () => true,
        onInterruption: async (notice) => {
          marks.expectedMs ??= notice.expectedMs;
          return 'go';
        },
        onStep: (step) => {
          if (step === 'restarting') marks.restart ??= { ...work };
          if (step === 'manifest-validated' && isDown()) work.signatures++;
          if (step === 'confirmed') marks.confirmed = { ...work };
        },
      },
      done.signal,
    ).catch((error: unknown) => {
      if (error !== done.signal.reason) throw error;
    });
  }
  return marks;
}

const origin = 'http://firmware.example';
/** As a tracker's offer has it. */
const binding = { nonce: seededRandom(2).bytes(16), generation: 1 };

async function prepared(profile: Profile, imageBytes: number) {
  const made = workshop(1);
  const { components } = profile.layout;
  const wanted = components
    .filter(({ role }) => role !== 'recovery')
    .map(({ identifier }): Wanted => [identifier, imageBytes]);
  const [first, ...rest] = wanted;
  if (first === undefined) throw new Error('expected a component, found none');
  const helpers = components.filter(({ role }) => role === 'recovery');
  const [old, fresh] = [await made.release(1, first, ...rest), await made.release(2, first, ...rest)];
  const helping = await Promise.all(helpers.map((each) => made.release(1, [each.identifier, 4096])));
  return { fresh, chip: made.device(profile, [old, ...helping]) };
}

interface Work {
  resets: number;
  erases: number;
  programs: number;
  programmedBytes: number;
  hashedBytes: number;
  signatures: number;
}

const noWork = (): Work => ({
  resets: 0,
  erases: 0,
  programs: 0,
  programmedBytes: 0,
  hashedBytes: 0,
  signatures: 0,
});

interface Counting {
  readonly profile: Profile;
  readonly imageBytes: number;
  readonly envelopeBytes: number;
}

/** What hashes reads an image in windows, what copies in pages; who reads an envelope, verifies it. */
const windowBytesMax = 1024;

function counted(flash: Flash, work: Work, { profile, imageBytes, envelopeBytes }: Counting): Flash {
  const { slots } = profile.layout;
  return {
    geometry: flash.geometry,
    read(address, length) {
      const isImage = slots.some(
        ({ image }) => address >= image.address && address < image.address + imageBytes,
      );
      const isEnvelope = slots.some(({ envelope }) => address === envelope.address);
      if (isImage && length <= windowBytesMax) work.hashedBytes += length;
      if (isEnvelope && length === envelopeBytes) work.signatures++;
      return flash.read(address, length);
    },
    program(address, bytes) {
      work.programs++;
      work.programmedBytes += bytes.length;
      flash.program(address, bytes);
    },
    erase(address) {
      work.erases++;
      flash.erase(address);
    },
  };
}

const between = (before: Work, after: Work): Work => ({
  resets: after.resets - before.resets,
  erases: after.erases - before.erases,
  programs: after.programs - before.programs,
  programmedBytes: after.programmedBytes - before.programmedBytes,
  hashedBytes: after.hashedBytes - before.hashedBytes,
  signatures: after.signatures - before.signatures,
});

function takenMs(work: Work, { timing }: Profile): number {
  return (
    work.resets * timing.resetMs +
    work.signatures * timing.signatureMs +
    (work.hashedBytes / 1024) * timing.hashMsPerKiB +
    work.erases * timing.eraseMsPerPage +
    (work.programmedBytes / 1024) * timing.programMsPerKiB
  );
}

function plainStartMs(flash: Flash, work: Work, profile: Profile): number {
  // The first start after anything settles the journal.
  boot(flash, profile);
  const before = { ...work };
  work.resets++;
  boot(flash, profile);
  return takenMs(between(before, work), profile);
}
