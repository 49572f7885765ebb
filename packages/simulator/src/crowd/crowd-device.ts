/**
 * A device of a crowd: its key, its protocol and its manifest processor are real, and its flash is a number
 * that says what runs. So tens of thousands fit into one process, and each still believes nobody but the
 * author.
 */

import type { SigningKey, VerificationKey } from '@lapel/cose';
import { generateSigningKey } from '@lapel/cose';
import type { CheckInState, TrackerClient } from '@lapel/status-tracker/client';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Offer, UpdateMode } from '@lapel/status-tracker/protocol';
import { envelopeBytesMax } from '@lapel/status-tracker/protocol';
import type { Manifest, Report, SuitRecord } from '@lapel/suit';
import {
  SuitError,
  admit,
  authenticate,
  class1,
  componentName,
  digestOf,
  driveSync,
  failureResult,
  run,
  sections,
  signReport,
  virtualRecipient,
} from '@lapel/suit';
import type { Clock, Handler, Random } from '@lapel/transport';
import { collect, readProblem, request } from '@lapel/transport';
import { component, deviceClass, vendor } from '../firmware.ts';

export interface CrowdOptions {
  readonly id: string;
  readonly className: string;
  /** The way to its tracker, which hands out manifests, too. */
  readonly handler: Handler;
  readonly author: VerificationKey;
  readonly tracker: VerificationKey;
  /** What manifests fetch, by URI. */
  readonly payloads: ReadonlyMap<string, Uint8Array>;
  readonly clock: Clock;
  readonly random: Random;
  readonly key?: SigningKey;
  readonly runs: Running;
  /** How long it waits for an answer. */
  readonly answerMsMax?: number;
  readonly updateMode?: UpdateMode;
  /** Whether the firmware that it has just installed works. */
  readonly isSound: (sequenceNumber: number) => boolean;
}

export interface Running {
  readonly sequenceNumber: number;
  readonly manifestDigest: Uint8Array;
}

/** What a device has told that it runs. */
export interface Told extends Running {
  /** When the tracker had answered that it knows. */
  readonly toldMs: number;
}

interface Installed {
  readonly manifest: Manifest;
  readonly records: readonly SuitRecord[];
}

export interface CrowdDevice {
  readonly id: string;
  readonly key: SigningKey;
  readonly client: TrackerClient;
  running(): Running;
  /** What of that the tracker was told last, by a check-in or by a report of success, and has taken in. */
  told(): Told;
  /** Says what it runs. */
  checkIn(): Promise<void>;
  /** What is offered to it, where that is not what it knows already. */
  poll(): Promise<Offer | undefined>;
  /**
   * Fetches, proves and installs; tells each state; ends with a signed report, which it gives back once the
   * tracker has it. @throws {TransportError} where a link fails.
   */
  update(offer: Offer): Promise<Uint8Array>;
}

const imageBytesMax = 64 * 1024;
const nothing = new Uint8Array();

export function createCrowdDevice(options: CrowdOptions): CrowdDevice {
  const { id, handler, author, clock, random, isSound } = options;
  const key = options.key ?? generateSigningKey('P-256');
  const product = deviceClass(options.className);
  let running = options.runs;
  let told: Told = { ...options.runs, toldMs: 0 };
  const client = createTrackerClient({
    ...{ handler, clock, random, device: id, key, trackerKey: options.tracker, vendor, class: product },
    ...(options.updateMode === undefined ? {} : { updateMode: options.updateMode }),
    ...(options.answerMsMax === undefined ? {} : { answerMsMax: options.answerMsMax }),
  });

  async function tell(state: CheckInState['state'], pending?: Uint8Array): Promise<void> {
    const components = [{ component, ...running }];
    await client.checkIn({
      ...{ state, components, imageBytesMax },
      ...(pending === undefined ? {} : { pending }),
    });
    if (state === 'idle') knowsWhatRuns();
  }

  function knowsWhatRuns(): void {
    told = { ...running, toldMs: clock.monotonicMs() };
  }

  async function fetched({ envelope, uri }: Offer): Promise<Uint8Array> {
    if (envelope !== undefined) return envelope;
    const answer = await handler(request('GET', new URL(uri, 'http://tracker').pathname));
    if (answer.status !== 'ok') throw await readProblem(answer);
    return collect(answer.body, envelopeBytesMax);
  }

  /** Proves, admits and runs it, on a device that has nothing but what it runs. */
  function install(envelope: Uint8Array): Installed | { readonly error: SuitError } {
    try {
      const authentic = authenticate(envelope, [{ key: author }], class1);
      const recipient = virtualRecipient({
        ...{ limits: class1, vendor, class: product, components: { [componentName(component)]: nothing } },
        ...{ floor: running, payloads: options.payloads },
      });
      const update = run(admit(authentic, recipient), 'update');
      const { records, failure } = driveSync(update, (effect) => recipient.perform(effect));
      return failure ?? { manifest: authentic.manifest, records };
    } catch (error) {
      if (error instanceof SuitError) return { error };
      throw error;
    }
  }

  async function send(report: Report): Promise<Uint8Array> {
    const signed = signReport(key, report);
    await client.report(signed);
    return signed;
  }

  return {
    id,
    key,
    client,
    running: () => running,
    told: () => told,
    checkIn: () => tell('idle'),
    poll: () => client.poll(),
    async update(offer) {
      const envelope = await fetched(offer);
      await tell('fetching', offer.digest);
      const tried = install(envelope);
      if ('error' in tried) return send({ ...reportOn(offer), records: [], result: refusalOf(tried.error) });
      const { manifest, records } = tried;
      await tell('installing', offer.digest);
      const about = { ...reportOn(offer), records };
      if (!isSound(manifest.sequenceNumber)) {
        return send({ ...about, result: failureResult('condition-failed', atInvoke) });
      }
      running = { sequenceNumber: manifest.sequenceNumber, manifestDigest: offer.digest };
      await tell('awaiting-confirmation', offer.digest);
      const sent = await send({ ...about, result: true });
      knowsWhatRuns();
      await tell('idle');
      return sent;
    },
  };
}

/** A refusal before any command ran. */
const refusalOf = ({ reason }: SuitError) => failureResult(reason, { ...atInvoke, section: 0 });

const reportOn = ({ nonce, uri, digest }: Offer) => ({
  nonce,
  reference: [uri, digestOf({ algorithm: 'sha-256', bytes: digest })] as const,
});

/** Where a trial stands or falls. */
const atInvoke: SuitRecord = {
  manifestId: [],
  section: sections.invoke,
  offset: 0,
  component: 0,
  properties: {},
};
