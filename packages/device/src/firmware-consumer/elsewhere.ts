/**
 * The effects of an update on components that another processor keeps: its envelope and the payload go over
 * the bus, the processor's own checks decide, and what the manifest asks of the component it answers itself.
 * Nothing is written here.
 */

import { shown } from '@lapel/cbor';
import type { AdmittedManifest, Answer, ComponentIdentifier, Effect } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import { TransportError } from '@lapel/transport';
import type { Peer, PeerProgress, Peers } from '../peer/link.ts';
import type { Layout } from '../storage/layout.ts';
import { componentOf } from '../storage/layout.ts';
import type { Directing } from './direct.ts';
import { direct, directionFor } from './direct.ts';
import type { Fetching } from './fetch.ts';
import { fetchPayload } from './fetch.ts';
import type { PeerSink } from './peer-sink.ts';
import { bring, offerEnvelope, peerSink } from './peer-sink.ts';

export const isElsewhere = (layout: Layout, component: ComponentIdentifier): boolean =>
  componentOf(layout, component)?.scheme === 'link';

/** Before anything is written. @throws {SuitError} where a component is kept by nobody who is connected. */
export function requirePeers(
  layout: Layout,
  { components }: AdmittedManifest,
  peers: Peers = new Map(),
): void {
  for (const component of components) {
    const name = componentName(component);
    if (!isElsewhere(layout, component) || peers.has(name)) continue;
    const found = `expected the processor that keeps ${shown(name)}, found none connected`;
    throw new SuitError('setup', 'component-unsupported', found);
  }
}

export interface Elsewhere {
  /** Each takes the envelope, or refuses it. @throws {SuitError}, {TransportError} */
  offer(): Promise<void>;
  /** Whether it is theirs to answer. */
  isAbout(effect: Effect): boolean;
  perform(effect: Effect): Promise<Answer>;
  /** Names of the components whose new images lie ready. */
  readonly staged: ReadonlySet<string>;
}

export interface Reaching extends Directing {
  readonly envelope: Uint8Array;
  readonly admitted: AdmittedManifest;
  readonly fetching: Fetching;
}

export function reachPeers(reaching: Reaching): Elsewhere {
  const { profile, envelope, admitted, fetching, peers } = reaching;
  const { signal } = fetching;
  const offered = new Map<string, PeerProgress>();
  const staged = new Set<string>();

  /** What goes on where the peer has said, until it has all. */
  const receive = async (
    effect: Extract<Effect, { readonly do: 'fetch' | 'write' }>,
    sizeBytes: number | undefined,
    fill: (sink: PeerSink) => Promise<void>,
  ): Promise<void> => {
    const name = componentName(effect.component);
    const [peer, first] = [peers?.get(name), offered.get(name)];
    if (peer === undefined || first === undefined) throw unsupported('a component that is within reach');
    if (sizeBytes === undefined || sizeBytes === 0) {
      throw new SuitError('run', 'operation-failed', 'expected an image size to be set, found none');
    }
    const sink = peerSink({ peer, envelope, sizeBytes, signal }, first);
    if (!sink.isOver) await fill(sink);
    if (!sink.isOver)
      throw new TransportError('no-answer', 'expected the peer to have it all, found it waiting');
    if (sink.isWhole) staged.add(name);
  };

  return {
    staged,
    isAbout: (effect) => effect.do !== 'identify' && isElsewhere(profile.layout, effect.component),
    async offer() {
      for (const component of admitted.components) {
        const peer = peers?.get(componentName(component));
        if (peer === undefined) continue;
        await makeRoom(peer, reaching);
        offered.set(componentName(component), await offerEnvelope(peer, envelope, signal));
      }
    },
    async perform(effect) {
      switch (effect.do) {
        case 'fetch':
          return receive(effect, effect.expected.sizeBytes, (sink) =>
            fetchPayload(effect.uri, sink, effect.expected.sizeBytes, fetching),
          );
        case 'write':
          return receive(effect, effect.content.length, (sink) => bring(effect.content, sink));
        case 'digest':
          return digestOf(effect, staged, reaching);
        case 'slot': {
          const status = await peers?.get(componentName(effect.component))?.status(signal);
          return status?.spare === effect.slot;
        }
        default:
          throw unsupported(`no ${effect.do} of a component that another processor keeps`);
      }
    },
  };
}

/** Of what this update has brought, or of what is there before. */
async function digestOf(
  { component, algorithm, sizeBytes }: Extract<Effect, { readonly do: 'digest' }>,
  staged: ReadonlySet<string>,
  reaching: Reaching,
): Promise<Uint8Array | undefined> {
  const { peers, admitted, fetching } = reaching;
  const name = componentName(component);
  const before = directionFor(component, reaching).manifest;
  const manifest = staged.has(name) ? admitted.authentic.digest.bytes : before;
  if (manifest === undefined) return undefined;
  const wanted = { manifest, algorithm, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
  return peers?.get(name)?.digest(wanted, fetching.signal);
}

/** Where the last update was never settled, it is now, or is gone back from: each takes one word at most. */
async function makeRoom(peer: Peer, reaching: Reaching): Promise<void> {
  const { signal } = reaching.fetching;
  for (let words = 0; words < 2; words++) {
    const { spare } = await peer.status(signal);
    if (spare !== undefined) return;
    await direct(reaching, signal);
  }
}

const unsupported = (expected: string) =>
  new SuitError('run', 'command-unsupported', `expected ${expected}, found one`);
