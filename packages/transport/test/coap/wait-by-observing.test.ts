/** Whoever waits for news observes, and one who does not observe is asked again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler, Response } from '@lapel/transport';
import { bytesBody, collect, emptyBody, request } from '@lapel/transport';
import { coapClientOver, serveCoapOver, subscribeByWaiting, waitByObserving } from '@lapel/transport/coap';
import { noBug, text, utf8 } from '../bodies.ts';
import type { LossyLink } from './lossy-link.ts';
import { lossyLink } from './lossy-link.ts';

/** A resource that can be waited for, and what it is now. */
function offerOn({ clock }: LossyLink) {
  const changed = new Set<() => void>();
  let state = 'none';
  let asked = 0;
  const current = (ifNoneMatch: string | undefined): Response =>
    ifNoneMatch === state
      ? { status: 'valid', etag: state, body: emptyBody }
      : { status: 'ok', etag: state, body: bytesBody(utf8(state)) };
  const handler: Handler = async ({ query, ifNoneMatch, signal, path }) => {
    asked += 1;
    if (path !== '/offer') return { status: 'unauthorized', size: 0, body: emptyBody };
    const waitMs = Number(query.get('waitMs') ?? 0);
    if (waitMs === 0 || ifNoneMatch !== state) return current(ifNoneMatch);
    const woken = new AbortController();
    const wake = () => woken.abort();
    changed.add(wake);
    await clock.sleep(waitMs, AbortSignal.any([signal, woken.signal])).catch(() => undefined);
    changed.delete(wake);
    signal.throwIfAborted();
    return current(ifNoneMatch);
  };
  return {
    handler,
    become(next: string) {
      state = next;
      for (const wake of changed) wake();
    },
    timesAsked: () => asked,
  };
}

function start(link: LossyLink, handler: Handler, isObserved: boolean) {
  const { clock, random } = link;
  const subscribe = subscribeByWaiting(handler, clock, (path) => isObserved && path === '/offer');
  const server = serveCoapOver(link.open('server'), handler, { clock, random, subscribe, onBug: noBug });
  const client = coapClientOver(link.open('client'), 'server', { clock, random });
  const observing = Object.assign((asked: Parameters<Handler>[0]) => client.handler(asked), client);
  const close = async () => void (await Promise.all([client.endpoint.close(), server.close()]));
  return { ask: waitByObserving(observing, { clock }), close };
}

const waiting = (waitMs: number, ifNoneMatch?: string, path = '/offer') =>
  request('GET', path, { query: new Map([['waitMs', `${waitMs}`]]), ifNoneMatch });
const stateIn = async ({ body }: Response) => text(await collect(body, 100));

for (const [how, isObserved] of [
  ['pushed', true],
  ['from a server that does not observe', false],
] as const)
  test(`RFC 7641 §3: who waits learns what is new, ${how}`, async () => {
    const link = lossyLink(1);
    const offer = offerOn(link);
    const { ask, close } = start(link, offer.handler, isObserved);
    const { clock } = link;
    assert.equal(await stateIn(await ask(waiting(1_000))), 'none');
    const begunMs = clock.monotonicMs();
    const quiet = await ask(waiting(300_000, 'none'));
    assert.deepEqual([quiet.status, quiet.etag], ['valid', 'none']);
    assert.equal(Math.round((clock.monotonicMs() - begunMs) / 1_000), 300);
    const next = ask(waiting(300_000, 'none'));
    await clock.sleep(60_000);
    const changedMs = clock.monotonicMs();
    offer.become('new');
    assert.equal(await stateIn(await next), 'new');
    const afterMs = clock.monotonicMs() - changedMs;
    assert.ok(afterMs < (isObserved ? 1_000 : 30_000), `${afterMs} ms`);
    await close();
  });

test('RFC 7641 §3: what comes while nobody waits is there for who waits next', async () => {
  const link = lossyLink(2);
  const offer = offerOn(link);
  const { ask, close } = start(link, offer.handler, true);
  await ask(waiting(1_000));
  await ask(waiting(1_000, 'none'));
  offer.become('new');
  await link.clock.sleep(5_000);
  const asked = offer.timesAsked();
  assert.equal(await stateIn(await ask(waiting(60_000, 'none'))), 'new');
  assert.equal(offer.timesAsked(), asked, 'nobody was asked for it');
  await close();
});

test('RFC 7641 §4.2: a refusal is told at once, and a wait that is given up ends', async () => {
  const link = lossyLink(3);
  const { ask, close } = start(link, offerOn(link).handler, true);
  assert.equal((await ask(waiting(60_000, undefined, '/secret'))).status, 'unauthorized');
  await ask(waiting(1_000));
  const off = new AbortController();
  const given = ask({ ...waiting(600_000, 'none'), signal: off.signal });
  await link.clock.sleep(1_000);
  off.abort(new Error('switched off'));
  await assert.rejects(given, /switched off/);
  await close();
  await assert.rejects(ask(waiting(600_000, 'none')));
});
