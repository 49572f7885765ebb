/**
 * An update for a device that has no network, as from a stick: the same agent asks of it what it asks of
 * any offer, and finds the payloads in files. It ends with what the device runs and whom it trusts then.
 */

import { buffer } from 'node:stream/consumers';
import { outlineEnvelope } from '@lapel/author';
import type { Payload } from '@lapel/author';
import { digest } from '@lapel/cose';
import type { BootDecision, DeviceStatus, TrustStore, UpdateSource } from '@lapel/device';
import { heldToOperators, readTrustStore } from '@lapel/device';
import { live } from '@lapel/simulator';
import type { HeldTo } from '@lapel/status-tracker/client';
import { createScrutiny } from '@lapel/status-tracker/client';
import type { Handler } from '@lapel/transport';
import { bytesBody, systemClock, systemRandom } from '@lapel/transport';
import type { Offered } from '../carry/offered.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openFlashFile } from '../flash-file.ts';
import { findAllPayloads } from '../payload-files.ts';
import { shownOn } from '../reading-progress.ts';
import type { Terminal } from '../terminal.ts';
import { openCounterFile } from './counter-file.ts';
import { bootAsJson, bootText, stepText } from './step-words.ts';

export interface BringPlan {
  readonly file: string;
  /** What is brought, to the device of that name. */
  readonly brought: (device: string) => Promise<Brought>;
  /** The file of its counter. */
  readonly counter: string | undefined;
  readonly json: boolean;
}

export interface Brought {
  readonly envelope: Uint8Array;
  /** Files, or folders to find payloads in. */
  readonly places: readonly string[];
  /** Where the tracker has offered it: what the device's report is bound to, and where it is written to. */
  readonly offer?: Pick<Offered, 'manifest' | 'nonce' | 'generation' | 'campaign'>;
  /** The campaign of that offer, as it is said to be signed. */
  readonly campaign?: Uint8Array;
  readonly keepReport?: (report: Uint8Array) => Promise<void>;
}

const origin = 'http://stick.invalid';
const pollMs = 10;

/** @throws {CommandFailure} with the device's reason, where it refuses. */
export async function bringToDevice(plan: BringPlan, terminal: Terminal): Promise<void> {
  const counter = plan.counter === undefined ? {} : { counter: openCounterFile(plan.counter) };
  const { flash, profile, close } = openFlashFile(plan.file);
  const over = new AbortController();
  const seen: Seen = { isOffered: false, isConfirmed: false, refusal: '' };
  try {
    const brought = await plan.brought(readTrustStore(flash, profile.layout.trustStore)?.device ?? '');
    const payloads = await findAllPayloads(
      outlineEnvelope(brought.envelope),
      brought.places,
      shownOn(terminal),
    );
    const decision = await live(
      {
        flash,
        profile,
        ...counter,
        network: (asked) => (asked === origin ? fromFiles(payloads) : undefined),
        clock: systemClock,
        random: systemRandom,
        pollMs,
        behaviour: () => 'sound',
        connect: (trust, { onTrial, journal }) => {
          // Only its tracker ends such a trial, and that is not here.
          if (onTrial && trust.confirmBy === 'tracker') over.abort(new Error('on trial'));
          const operators = heldToOperators({ flash, profile, journal, clock: systemClock });
          return sourceOf(brought, seen, over, objecting(brought, trust, operators));
        },
        onBoot: (booted) => terminal.note(bootText(booted)),
        onStep(step, detail) {
          if (step === 'failed' || step === 'postponed') seen.refusal = detail ?? stepText[step];
          else terminal.note(stepText[step]);
          seen.isConfirmed ||= step === 'confirmed';
        },
      },
      over.signal,
    );
    requireTaken(decision, seen.refusal);
    if (plan.json)
      terminal.result(JSON.stringify({ ...bootAsJson(decision), confirmed: isKept(decision, seen) }));
    else terminal.result(runningText(decision, isKept(decision, seen)));
  } finally {
    close();
  }
}

interface Seen {
  isOffered: boolean;
  isConfirmed: boolean;
  refusal: string;
}

type Objecting = (status: DeviceStatus | undefined) => Promise<string | undefined>;

/** As a device in a network does (`operators-word.ts`): an offer that no operator has signed is refused. */
function objecting(
  { offer, campaign }: Brought,
  trust: TrustStore,
  operators: HeldTo | undefined,
): Objecting {
  if (offer === undefined || operators === undefined) return async () => undefined;
  const { device: id, vendor, class: product } = trust;
  const self = { id, vendor, class: product, updateMode: 'client-initiated' } as const;
  const statement = async () => campaign ?? new Uint8Array();
  const scrutiny = createScrutiny({ self, newest: undefined, statement }, operators);
  const named = {
    campaign: offer.campaign ?? new Uint8Array(),
    digest: offer.manifest,
    ...(campaign === undefined ? {} : { campaignDigest: digest('sha-256', campaign) }),
  };
  return (status) => scrutiny.objectionTo(named, status);
}

/** It offers what was brought, once, and keeps what the device says of it. */
function sourceOf(
  { envelope, offer, keepReport }: Brought,
  seen: Seen,
  over: AbortController,
  objectionIn: Objecting,
): UpdateSource {
  let status: DeviceStatus | undefined;
  return {
    async announce(told) {
      status = told;
      return false;
    },
    report: async (report) => keepReport?.(report),
    postpone: () => over.abort(new Error('postponed')),
    async next() {
      if (seen.isOffered) over.abort(new Error('done'));
      if (seen.isOffered) return undefined;
      seen.isOffered = true;
      const objection = await objectionIn(status);
      if (objection !== undefined) {
        seen.refusal = objection;
        return undefined;
      }
      const uri = `${origin}/manifests/brought`;
      if (offer === undefined) return { uri, envelope, binding: {} };
      const { manifest, nonce, generation } = offer;
      return { uri, envelope, digest: manifest, binding: { nonce, generation } };
    },
  };
}

function requireTaken(decision: BootDecision, refusal: string): void {
  if (refusal !== '') throw new CommandFailure(exitCodes.refused, `the device refused: ${refusal}`);
  if (decision.boot !== 'nothing') return;
  const message = `expected a device that boots, found none: ${decision.reason}`;
  throw new CommandFailure(exitCodes.failed, message);
}

/** Not on trial any more. */
const isKept = (decision: BootDecision, { isConfirmed }: { readonly isConfirmed: boolean }): boolean =>
  isConfirmed || (decision.boot === 'slot' && !decision.onTrial);

function runningText(decision: BootDecision, isConfirmed: boolean): string {
  if (decision.boot === 'nothing') return bootText(decision);
  const numbers = decision.running.map(({ sequenceNumber }) => sequenceNumber);
  const how = isConfirmed ? 'confirmed' : 'on trial until its tracker confirms it';
  return `runs sequence number ${numbers.join(', ')}, ${how}`;
}

/** The payloads of a firmware server, whole. */
function fromFiles(payloads: readonly Payload[]): Handler {
  const byPath = new Map(payloads.map((each) => [`/payloads/${each.digest}`, each]));
  return async ({ path, range }) => {
    const found = byPath.get(path);
    if (found === undefined) return { status: 'not-found', body: bytesBody(new Uint8Array()) };
    const bytes = new Uint8Array(await buffer(found.open()));
    if (range === undefined || range.start === 0) {
      return { status: 'ok', size: bytes.length, body: bytesBody(bytes) };
    }
    const { start } = range;
    const total = bytes.length;
    return { status: 'partial', range: { start, total }, body: bytesBody(bytes.subarray(start)) };
  };
}
