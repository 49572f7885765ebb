/**
 * A device that a server of LwM2M manages, both real, over datagrams in made time: the server has a directory
 * of registrations and files, and asks the device on the address that it registered from.
 */

import assert from 'node:assert/strict';
import type { AgentOptions, Profile } from '@lapel/device';
import type { ManagedDevice, State } from '@lapel/device/lwm2m';
import { lwm2mClient, manageDevice, results, states, stayRegistered } from '@lapel/device/lwm2m';
import type { Behaviour, NorFlash, Running, Weather } from '@lapel/simulator';
import { datagramLink, live, seededRandom, simulatedClock } from '@lapel/simulator';
import type { Clock, Handler, Method, Request, Response } from '@lapel/transport';
import { bytesBody, collect, emptyBody, request } from '@lapel/transport';
import type { OscoreContext } from '@lapel/transport/coap';
import {
  blockClient,
  coapClientOver,
  echoing,
  oscoreClient,
  serveCoapOver,
  subscribing,
  transmissionDefaults,
} from '@lapel/transport/coap';
import type { Made } from '../world.ts';

export interface Stage {
  readonly flash: NorFlash;
  /** Files by their path, at `coap://server`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** What the server waits for before it answers with a file. */
  readonly beforeFile?: () => Promise<void>;
  readonly behaviour?: (running: Running) => Behaviour;
  readonly profile?: Profile;
  readonly weather?: Weather;
  readonly hooks?: Pick<AgentOptions, 'onInterruption' | 'isIdle'>;
  readonly oscore?: { readonly device: OscoreContext; readonly server: OscoreContext };
  /** The device's ways to others than the server. */
  readonly network?: (origin: string) => Handler | undefined;
}

export interface Scene {
  readonly ask: (method: Method, path: string, given?: Partial<Request>) => Promise<Response>;
  readonly read: (path: string) => Promise<string>;
  readonly put: (path: string, content: string | Uint8Array) => Promise<string>;
  readonly execute: (path: string) => Promise<string>;
  /** State and result, as the server reads them. */
  readonly seen: () => Promise<string>;
  readonly until: (state: State, result: number) => Promise<void>;
  readonly waits: (ms: number) => Promise<void>;
  /** What the server was asked, and what it holds. */
  readonly asked: readonly string[];
  readonly registrations: ReadonlyMap<string, string>;
  /** Without the server: what the machine is. */
  readonly device: () => ManagedDevice;
  readonly boots: readonly number[];
  readonly nowMs: () => number;
  /** What the server is told of a resource, until the observation ends. */
  readonly observe: (path: string, signal: AbortSignal) => AsyncIterable<string>;
  /** The same device, from another address. */
  readonly askAsStranger: (path: string, signal: AbortSignal) => Promise<Response>;
}

export const lifetimeSeconds = 300;
const lookMs = 500;
const untilMsMax = 3_600_000;

/** Lives for as long as the play; what it throws is what fails. */
export async function managed(made: Made, stage: Stage, play: (scene: Scene) => Promise<void>) {
  const clock = simulatedClock();
  const random = seededRandom(7);
  const link = datagramLink(clock, random.fork('air'), stage.weather ?? {});
  // Also the end of a device whose power went while it served a request.
  const bug = Promise.withResolvers<never>();
  const onBug = bug.reject;
  const { oscore } = stage;
  const directory = serverOf(stage);
  const server = serveCoapOver(link.open('server'), directory.handler, {
    ...{ clock, random, onBug },
    ...(oscore === undefined ? {} : { oscore: () => oscore.server }),
  });
  const off = new AbortController();
  const boots: number[] = [];
  let current: ManagedDevice | undefined;
  let down: (how: 'at once' | 'with a farewell') => Promise<void> = async () => {};
  const life = live(
    {
      ...{ flash: stage.flash, profile: stage.profile ?? made.profile, clock, random },
      pollMs: 1_000,
      network: (origin) => wayTo(origin) ?? stage.network?.(origin),
      behaviour: stage.behaviour ?? (() => 'sound'),
      ...stage.hooks,
      onBoot: (decision) => boots.push(decision.boot === 'slot' ? decision.slot : -1),
      connect(trust, decision) {
        void down('at once');
        const gone = new AbortController();
        current = manageDevice({
          ...{ flash: stage.flash, profile: stage.profile ?? made.profile, decision, clock },
          ...{ manufacturer: 'lapel.example', modelNumber: 'lamp', trust },
          reboot: () => assert.fail('expected no reboot'),
          network: (origin) => wayTo(origin) ?? stage.network?.(origin),
          protocols: ['coap', 'http'],
          base: 'coap://server/manifests/pushed',
          onBug,
        });
        const client = lwm2mClient({
          ...{ datagrams: link.open('device'), to: 'server', objects: current.objects },
          ...(oscore === undefined ? {} : { oscore: oscore.device }),
          ...{ clock, random, onBug },
        });
        const { links } = current.objects;
        const registration = stayRegistered(
          { server: client.server, endpoint: 'lamp-1', lifetimeSeconds, links, clock, random },
          gone.signal,
        );
        // As after a reset: the socket is gone with everything on it.
        down = async (how) => {
          gone.abort(new Error('gone'));
          if (how === 'with a farewell') await registration;
          await client.close();
          await registration;
        };
        return current.source;
      },
    },
    off.signal,
  );
  const outgoing = coapClientOver(link.open('device-out'), 'server', { clock, random });
  const wayTo = (origin: string) => (origin === 'coap://server' ? outgoing.handler : undefined);
  const plain = { ask: server.ask('device'), watch: server.watch('device') };
  const { ask, watch } = echoing(oscore === undefined ? plain : oscoreClient(oscore.server, plain));
  const asking = blockClient(ask, { random, transmission: transmissionDefaults });
  const stranger = coapClientOver(link.open('stranger'), 'device', { clock, random });
  const observing = subscribing(watch, ask, {
    ...{ random, transmission: transmissionDefaults },
    origin: undefined,
  });
  const scene = sceneOf(asking, { clock, signal: off.signal }, directory, {
    boots,
    device: () => current ?? assert.fail('expected a device that has booted, found none'),
    async *observe(path, signal) {
      for await (const each of observing(request('GET', path, { signal }))) yield textOf(each);
    },
    askAsStranger: (path, signal) => stranger.handler(request('GET', path, { signal })),
  });
  const failed = life.then(() => bug.promise);
  try {
    await Promise.race([play(scene), failed, bug.promise]);
  } finally {
    off.abort(new Error('switched off'));
    await life.catch(() => undefined);
    await down('with a farewell');
    await Promise.all([server, outgoing.endpoint, stranger.endpoint].map((each) => each.close()));
  }
}

const textOf = async ({ body }: Response) => new TextDecoder().decode(await collect(body, 4096));

function sceneOf(
  asking: Handler,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  { asked, registrations }: ReturnType<typeof serverOf>,
  known: Pick<Scene, 'boots' | 'device' | 'observe' | 'askAsStranger'>,
): Scene {
  const ask: Scene['ask'] = (method, path, given = {}) => asking(request(method, path, given));
  const read: Scene['read'] = async (path) => textOf(await ask('GET', path));
  const now = () => known.device().machine();
  return {
    ...known,
    ...{ ask, read, asked, registrations, nowMs: clock.monotonicMs },
    put: async (path, content) => {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      const headers = {
        'content-type': typeof content === 'string' ? 'text/plain' : 'application/octet-stream',
      };
      return (await ask('PUT', path, { headers, body: bytesBody(bytes) })).status;
    },
    execute: async (path) => (await ask('POST', path)).status,
    seen: async () => `${await read('/5/0/3')} ${await read('/5/0/5')}`,
    waits: (ms) => clock.sleep(ms, signal),
    async until(state, result) {
      for (const endMs = clock.monotonicMs() + untilMsMax; clock.monotonicMs() < endMs;) {
        if (now().state === state && results[now().result] === result) break;
        await clock.sleep(lookMs, signal);
      }
      assert.deepEqual([now().state, results[now().result]], [state, result]);
      assert.equal(await read('/5/0/3'), String(states[state]));
      assert.equal(await read('/5/0/5'), String(result));
    },
  };
}

/** A directory as LwM2M has it, and files. */
function serverOf({ files = {}, beforeFile }: Stage) {
  const asked: string[] = [];
  const registrations = new Map<string, string>();
  let made = 0;
  const plain = (status: Response['status'], headers = {}): Response => ({
    ...{ status, headers },
    ...{ size: 0, body: emptyBody },
  });
  const handler: Handler = async ({ method, path, query, range, body }) => {
    const parameters = [...query].map(([name, value]) => `${name}=${value}`).join('&');
    asked.push(`${method} ${path}${parameters === '' ? '' : `?${parameters}`}`);
    const file = files[path];
    if (file !== undefined) await beforeFile?.();
    if (method === 'GET') return file === undefined ? plain('not-found') : part(file, range?.start ?? 0);
    if (method === 'POST' && path === '/rd') {
      const location = `/rd/${(made += 1)}`;
      registrations.set(location, new TextDecoder().decode(await collect(body, 1024)));
      return plain('created', { location });
    }
    if (!registrations.has(path)) return plain('not-found');
    if (method === 'DELETE') registrations.delete(path);
    return plain('changed');
  };
  return { handler, asked, registrations };
}

function part(bytes: Uint8Array, start: number): Response {
  const total = bytes.length;
  if (start === 0) return { status: 'ok', size: total, body: bytesBody(bytes) };
  return { status: 'partial', range: { start, total }, body: bytesBody(bytes.subarray(start)) };
}
