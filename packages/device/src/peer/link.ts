/**
 * The master's side of the bus: asks the peer, waits for its answer, and asks again where none comes. One
 * question at a time, each with a number of its own; whoever asks while another waits is asked to wait, too.
 */

import type { DigestAlgorithm } from '@lapel/cose';
import type { ComponentIdentifier } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import type { Clock, Random } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import type { PeerAnswer, PeerRequest, PeerStatus } from './protocol.ts';
import { answerBytesMax, decodeAnswer, encodeRequest, peerVersion, sessionMessages } from './protocol.ts';

/**
 * Another processor, as who directs it sees it. All reject with a TransportError where no answer comes, and
 * with a SuitError where the peer refuses.
 */
export interface Peer {
  status(signal: AbortSignal): Promise<PeerStatus>;
  /** A piece of an envelope or an image; the answer says what comes next. */
  take(piece: PeerPiece, signal: AbortSignal): Promise<PeerProgress>;
  digest(wanted: WantedDigest, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** It has verified it, and is about to start it; nothing, where undefined. */
  run(manifest: Uint8Array | undefined, signal: AbortSignal): Promise<PeerStatus>;
  settle(manifest: Uint8Array, signal: AbortSignal): Promise<PeerStatus>;
}

/** By the name of the component that each keeps. */
export type Peers = ReadonlyMap<string, Peer>;

export type PeerPiece = Extract<PeerRequest, { readonly name: 'envelope' | 'image' }>;
export type PeerProgress = Extract<PeerAnswer, { readonly name: 'wants' | 'done' }>;

export interface WantedDigest {
  readonly manifest: Uint8Array;
  readonly algorithm: DigestAlgorithm;
  readonly sizeBytes?: number;
}

export interface PeerLink {
  readonly peer: Peer;
  /** Bytes that the bus has brought, however they are cut. */
  receive(bytes: Uint8Array): void;
}

export interface LinkOptions {
  /** The component that the peer keeps. */
  readonly component: ComponentIdentifier;
  readonly clock: Clock;
  readonly random: Random;
  /** Puts bytes on the bus. */
  readonly send: (bytes: Uint8Array) => void;
}

/** How long an answer may take: the peer may erase a slot, or check a signature, before it comes. */
const answerMsMax = 2000;
/** The same question without an answer, after which the bus is thought to be cut. */
const triesMax = 4;
/** How often a peer may say within one question that it has restarted. */
const sessionsMax = 3;

export function createPeerLink({ component, clock, random, send }: LinkOptions): PeerLink {
  const reader = frameReader(answerBytesMax);
  let number = newSession(random);
  let isOpen = false;
  let waiting: ((answer: PeerAnswer | TransportError) => void) | undefined;
  let busy: Promise<unknown> = Promise.resolve();

  const hear = (payload: Uint8Array): void => {
    const heard = decodeAnswer(payload);
    if (heard === undefined || heard.number !== number) return;
    waiting?.(heard.message ?? otherVersion(heard.version));
  };

  /** One question until it is answered. */
  const exchange = async (request: PeerRequest, signal: AbortSignal): Promise<PeerAnswer> => {
    if (++number % sessionMessages === 0) [number, isOpen] = [newSession(random) + 1, false];
    const line = encodeFrame(encodeRequest(number, request));
    for (let tries = 0; tries < triesMax; tries++) {
      signal.throwIfAborted();
      const answered = new AbortController();
      const answer = new Promise<PeerAnswer | TransportError>((resolve) => (waiting = resolve));
      const late = clock.sleep(answerMsMax, AbortSignal.any([signal, answered.signal]));
      send(line);
      const found = await Promise.race([answer, late]).finally(() => {
        waiting = undefined;
        answered.abort();
      });
      if (found instanceof TransportError) throw found;
      if (found !== undefined) return found;
    }
    throw new TransportError(
      'no-answer',
      `expected an answer of the peer, found none to ${triesMax} messages`,
    );
  };

  const ask = async (request: PeerRequest, signal: AbortSignal): Promise<PeerAnswer> => {
    for (let sessions = 0; sessions < sessionsMax; sessions++) {
      if (!isOpen && request.name !== 'hello')
        requireOurs(await exchange({ name: 'hello' }, signal), component);
      isOpen = true;
      const answer = await exchange(request, signal);
      if (answer.name !== 'strange') return requireOurs(answer, component);
      isOpen = false;
    }
    throw new TransportError('no-answer', 'expected the peer to stay up, found it restarting');
  };

  /** In turn: there is one line, and one answer that it waits for. */
  const inTurn = (request: PeerRequest, signal: AbortSignal): Promise<PeerAnswer> => {
    const before = busy;
    const own = (async () => {
      await before;
      return ask(request, signal);
    })();
    // Whoever comes next waits for the end, not for a success.
    busy = own.then(
      () => undefined,
      () => undefined,
    );
    return own;
  };

  return { receive: (bytes) => reader.push(bytes).forEach(hear), peer: peerOver(inTurn) };
}

type Ask = (request: PeerRequest, signal: AbortSignal) => Promise<PeerAnswer>;

function peerOver(ask: Ask): Peer {
  const status = async (request: PeerRequest, signal: AbortSignal): Promise<PeerStatus> => {
    const answer = await ask(request, signal);
    return answer.name === 'status' ? answer : unexpected(answer);
  };
  return {
    status: (signal) => status({ name: 'hello' }, signal),
    run: (manifest, signal) =>
      status({ name: 'run', ...(manifest === undefined ? {} : { manifest }) }, signal),
    settle: (manifest, signal) => status({ name: 'settle', manifest }, signal),
    async take(piece, signal) {
      const answer = await ask(piece, signal);
      return answer.name === 'wants' || answer.name === 'done' ? answer : unexpected(answer);
    },
    async digest(wanted, signal) {
      const answer = await ask({ name: 'digest', ...wanted }, signal);
      return answer.name === 'digest' ? answer.digest : unexpected(answer);
    },
  };
}

/** @throws {SuitError} where the peer refuses, or is another. */
function requireOurs(answer: PeerAnswer, component: ComponentIdentifier): PeerAnswer {
  if (answer.name === 'refused') {
    const { stage, reason, because } = answer;
    if (reason === 'ok' || reason === 'invoke-pending') return unexpected(answer);
    throw new SuitError(stage, reason, `peer: ${because}`);
  }
  if (answer.name !== 'status' || componentName(answer.component) === componentName(component)) return answer;
  const [expected, found] = [componentName(component), componentName(answer.component)];
  throw new TransportError('refused', `expected the peer that keeps ${expected}, found that of ${found}`);
}

function unexpected({ name }: PeerAnswer): never {
  throw new TransportError('malformed', `expected an answer to what was asked, found ${name}`);
}

const otherVersion = (version: number) =>
  new TransportError('refused', `expected a peer with version ${peerVersion}, found one with ${version}`);

/** The number before the first of a session that nobody has heard of. */
const newSession = (random: Random): number =>
  new DataView(random.bytes(4).buffer).getUint32(0) * sessionMessages;
