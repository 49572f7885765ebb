/**
 * A status tracker that knows the device and offers it updates (RFC 9019 §9, second flow), in one of the
 * three modes of draft-zhu-suit-automatic-fu-arch §3. In which one, the device has said as it registered;
 * nothing in an offer changes that, for an offer is not signed.
 */

import { hex } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { Answered, HeldTo, TrackerClient } from '@lapel/status-tracker/client';
import type { Offer, UpdateMode } from '@lapel/status-tracker/protocol';
import type { Clock } from '@lapel/transport';
import { TransportError, originOf } from '@lapel/transport';
import { untilIdle } from './firmware-consumer/consent.ts';
import type { Notice } from './negotiation.ts';
import { followOperators } from './operators-word.ts';
import type { OnStep } from './step.ts';
import type { Candidate, Consent, Permission, UpdateSource, Waiting } from './update-source.ts';

export interface TrackerSourceOptions {
  readonly client: TrackerClient;
  /** The tracker's own address: an offer's URI may be relative to it. */
  readonly origin: string;
  /** How long the tracker may keep the answer back until there is news: a push through any firewall. */
  readonly waitMs?: number;
  /** As the device registers; by itself, where nothing is said. */
  readonly mode?: UpdateMode;
  /** Whether it has agreed at registration that the server decides on urgent updates. */
  readonly mayOverride?: boolean;
  /** What a device that negotiates answers. */
  readonly negotiation?: Negotiation;
  /** It holds the tracker to what operators have signed, and has registered so. */
  readonly operators?: HeldTo;
  readonly onStep?: OnStep;
}

export interface Negotiation {
  readonly clock: Clock;
  readonly decide: (notice: Notice) => Promise<Answered>;
  /** It fetches before it answers: then only the installation waits for what was agreed. */
  readonly fetchesAhead?: boolean;
}

/** Tries to hand in an answer, one behind the other. */
const answersMax = 8;

export function trackerSource(options: TrackerSourceOptions): UpdateSource {
  const { client, origin, waitMs, negotiation } = options;
  /**
   * An offer is taken once: whatever came of it has been reported, and the tracker's next word has another
   * nonce.
   */
  let taken: Uint8Array | undefined;
  /** What the device has declined, and until when it need not be asked again. */
  let declined: { readonly nonce: Uint8Array; readonly untilMs: number } | undefined;

  const word = followOperators(options);

  const poll = (signal: AbortSignal) => client.poll({ signal, ...(waitMs === undefined ? {} : { waitMs }) });

  /** The tracker's word on an offer, if there is one now. A link that is down says nothing. */
  async function look(offer: Offer, signal: AbortSignal): Promise<Permission | undefined> {
    const now = await unlessDown(() => poll(signal));
    if (now === 'down') return undefined;
    if (now === undefined || !equalInConstantTime(now.nonce, offer.nonce)) return 'withdrawn';
    const trigger = client.takeTrigger(now);
    if (trigger === undefined) return undefined;
    if (options.mode === 'server-initiated') return 'obey';
    if (trigger.overrides === true) return options.mayOverride === true ? 'obey' : undefined;
    return options.mode === 'negotiated' ? 'go' : undefined;
  }

  async function untilTriggered(offer: Offer, waiting: Waiting): Promise<Permission> {
    for (;;) {
      waiting.signal.throwIfAborted();
      await waiting.tellLoad();
      const word = await look(offer, waiting.signal);
      if (word !== undefined) return word;
      await waiting.clock.sleep(waiting.pollMs, waiting.signal);
    }
  }

  /** An idle device goes by itself, unless the offer is withdrawn or the server overrides it before. */
  function whenIdle(offer: Offer, waiting: Waiting): Promise<Permission> {
    let lookedMs = waiting.clock.monotonicMs();
    return untilIdle(waiting, async () => {
      if (waiting.clock.monotonicMs() - lookedMs < waiting.pollMs) return undefined;
      lookedMs = waiting.clock.monotonicMs();
      return look(offer, waiting.signal);
    });
  }

  async function negotiate(offer: Offer, waiting: Waiting, { clock, decide }: Negotiation) {
    const answer = await decide(noticeOf(offer, await waiting.isIdle(), clock));
    const { decision, until = clock.wallMs() } = answer;
    if (decision === 'declined') declined = { nonce: offer.nonce, untilMs: until };
    const isTold = await handIn(offer, answer, waiting);
    return decision === 'declined' || !isTold ? 'withdrawn' : untilTriggered(offer, waiting);
  }

  async function handIn(offer: Offer, answer: Answered, { clock, pollMs, signal }: Waiting) {
    for (let tries = 0; tries < answersMax; tries++) {
      if ((await unlessDown(() => client.answer(offer, answer))) !== 'down') return true;
      await clock.sleep(pollMs, signal);
    }
    return false;
  }

  function consentTo(offer: Offer): Consent {
    const go = async (): Promise<Permission> => 'go';
    if (options.mode === 'server-initiated') {
      return { beforeFetch: go, beforeInstall: (waiting) => untilTriggered(offer, waiting) };
    }
    if (options.mode !== 'negotiated' || negotiation === undefined) {
      return { beforeFetch: go, beforeInstall: (waiting) => whenIdle(offer, waiting) };
    }
    const agreed = (waiting: Waiting) => negotiate(offer, waiting, negotiation);
    return negotiation.fetchesAhead === true
      ? { beforeFetch: go, beforeInstall: agreed }
      : { beforeFetch: agreed, beforeInstall: go };
  }

  const isDeclined = ({ nonce }: Offer): boolean =>
    declined !== undefined &&
    equalInConstantTime(nonce, declined.nonce) &&
    (negotiation?.clock.wallMs() ?? 0) < declined.untilMs;

  return {
    async announce(status) {
      await word.announce(status);
      return true;
    },
    postpone: () => void (taken = undefined),
    async next(signal) {
      const offer = await poll(signal);
      await word.listen();
      if (offer === undefined || isDeclined(offer)) return undefined;
      if (taken !== undefined && equalInConstantTime(offer.nonce, taken)) return undefined;
      const guard = await word.judge(offer);
      if (guard === undefined) return undefined;
      taken = offer.nonce;
      const { digest, envelope, nonce, generation } = offer;
      return {
        ...placesOf(offer, origin),
        digest,
        binding: { nonce, generation },
        consent: guard(consentTo(offer)),
        ...(envelope === undefined ? {} : { envelope }),
      };
    },
    report: (report) => client.report(report),
  };
}

/** Where a tracker sends its devices elsewhere, its own firmware server has the manifest all the same. */
function placesOf({ uri, digest }: Offer, origin: string): Pick<Candidate, 'uri' | 'otherUri'> {
  // One that is no URI leads nowhere, and is reported so.
  if (!URL.canParse(uri, origin)) return { uri };
  const own = new URL(`/manifests/${hex(digest)}`, origin).href;
  const offered = new URL(uri, origin);
  return originOf(offered) === originOf(new URL(origin))
    ? { uri: offered.href }
    : { uri: offered.href, otherUri: own };
}

const noticeOf = ({ latest, urgency, expires, envelope }: Offer, isIdle: boolean, clock: Clock): Notice => ({
  nowMs: clock.wallMs(),
  latestMs: latest ?? expires,
  urgency: urgency ?? 'normal',
  isIdle,
  ...(envelope === undefined ? {} : { envelope }),
});

async function unlessDown<T>(exchange: () => Promise<T>): Promise<T | 'down'> {
  try {
    return await exchange();
  } catch (error) {
    if (error instanceof TransportError) return 'down';
    throw error;
  }
}
