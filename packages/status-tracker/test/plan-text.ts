/**
 * A rollout as text: above the line a policy, a fleet and what happens to it, below it the steps of each
 * round. It is run by a real tracker with real devices, a round every ten seconds.
 */
import assert from 'node:assert/strict';
import type { Step } from '../src/index.ts';
import type { OrderName } from '../src/protocol.ts';
import type { TestDevice, World } from './world.ts';
import { createWorld, digestFor, inventoryOf } from './world.ts';

const roundMs = 10_000;
const roundsMax = 40;
const campaign = 'c1'.repeat(16);

/** @returns the part above the line as it is, and the steps that were taken. */
export async function runRollout(text: string): Promise<string> {
  const [head = ''] = text.split(separator, 1);
  const script = readScript(head);
  const world = await createWorld();
  const lamps = new Map((await world.lamps(script.lamps)).map((lamp) => [lamp.id, lamp]));
  for (const [id, words] of script.lives) await prepare(lamps, id, words);
  await world.tracker.desk.start(world.campaign('c1', 2, script.policy), 'test');
  const lines: string[] = [];
  for (let round = 1; round <= script.rounds; round++) {
    for (const order of script.orders.get(round) ?? []) await obey(world, lamps, order);
    const { steps } = await world.tracker.desk.preview(campaign);
    await world.tracker.tick();
    if (steps.length > 0) lines.push(`${round}: ${steps.map(stepText).join(', ')}`);
    world.clock.pass(roundMs);
    for (const lamp of lamps.values()) await live(lamp, script.lives.get(lamp.id) ?? script.others);
  }
  const { state } = await world.tracker.desk.campaign(campaign);
  const { totals } = await world.tracker.desk.preview(campaign);
  const counts = Object.entries(totals).filter(([, count]) => count > 0);
  lines.push(`end: ${state}, ${counts.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  return `${head}${separator}${lines.join('\n')}\n`;
}

const separator = '---\n';

interface Script {
  readonly lamps: number;
  readonly rounds: number;
  readonly policy: {
    waves: number[];
    inFlightMax: number;
    failureRateMax: number;
    silenceMsMax: number;
    expires?: number;
    gate?: { bad: number; falseHalt: number; falseGo: number };
    soakMs?: number;
    ratePerMinute?: number;
    window?: { days: number; opens: number; lasts: number };
    predicate?: string;
  };
  readonly lives: ReadonlyMap<string, readonly string[]>;
  readonly others: readonly string[];
  readonly orders: ReadonlyMap<number, readonly string[]>;
}

function readScript(head: string): Script {
  const policy: Script['policy'] = {
    waves: [1000],
    inFlightMax: 100,
    failureRateMax: 0,
    silenceMsMax: 35_000,
  };
  const lives = new Map<string, readonly string[]>();
  const orders = new Map<number, string[]>();
  let [lamps, rounds, others] = [0, roundsMax, ['confirms'] as readonly string[]];
  for (const line of head.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const [word = '', ...rest] = line.split(/[ :]+/);
    const number = Number(rest[0]);
    if (word === 'lamps') lamps = number;
    else if (word === 'rounds') rounds = number;
    else if (word === 'waves') policy.waves = rest.map(Number);
    else if (word === 'in-flight') policy.inFlightMax = number;
    else if (word === 'failures') policy.failureRateMax = number;
    else if (word === 'gate') {
      const [bad = 0, falseHalt = 0, falseGo = 0] = rest.map(Number);
      policy.gate = { bad, falseHalt, falseGo };
    } else if (word === 'soak') policy.soakMs = number;
    else if (word === 'rate') policy.ratePerMinute = number;
    else if (word === 'window') {
      const [days = 0, opens = 0, lasts = 0] = rest.map(Number);
      policy.window = { days, opens, lasts };
    } else if (word === 'where') policy.predicate = line.slice('where: '.length);
    else if (word === 'others') others = rest;
    else if (word === 'at') orders.set(number, [...(orders.get(number) ?? []), rest.slice(1).join(' ')]);
    else if (/^lamp-\d+$/.test(word)) lives.set(word, rest);
    else throw new SyntaxError(`expected a line of a rollout, found '${line}'`);
  }
  return { lamps, rounds, policy, lives, others, orders };
}

async function prepare(lamps: ReadonlyMap<string, TestDevice>, id: string, [verb, value]: readonly string[]) {
  const lamp = lamps.get(id);
  assert.ok(lamp, `expected ${id} among the lamps`);
  if (verb === 'runs') await lamp.checkIn({ components: inventoryOf(Number(value)).components });
  if (verb === 'holds') await lamp.checkIn({ imageBytesMax: Number(value) });
}

async function obey(world: World, lamps: ReadonlyMap<string, TestDevice>, text: string): Promise<void> {
  const [verb = '', value = ''] = text.split(' ');
  if (verb === 'grows') return lamps.get(value)?.checkIn({ imageBytesMax: 100_000 });
  const { orderNumber } = await world.tracker.desk.campaign(campaign);
  await world.tracker.desk.order(campaign, world.order('c1', orderNumber + 1, verb as OrderName), 'test');
}

const tries = new WeakMap<TestDevice, number>();

/** What a device does between two rounds. */
async function live(lamp: TestDevice, [verb, value = '0']: readonly string[]): Promise<void> {
  if (verb === 'absent') return;
  const tried = tries.get(lamp) ?? 0;
  if (verb === 'silent' && tried > 0) return;
  const offer = await lamp.client.poll();
  if (offer === undefined) return;
  const done = tried + 1;
  tries.set(lamp, done);
  if (verb === 'silent') return lamp.checkIn({ state: 'installing', pending: digestFor(2) });
  if (verb === 'fails') return lamp.client.report(lamp.report(offer, 'condition-failed'));
  if (verb === 'slow' && done < Number(value))
    return lamp.checkIn({ state: 'fetching', pending: offer.digest });
  await lamp.client.report(lamp.report(offer, 'invoke-pending'));
  if (verb === 'reverts' && done <= Number(value))
    return lamp.checkIn({ state: 'reverted', bootReason: 'the trial expired' });
  await lamp.client.report(lamp.report(offer, 'ok'));
}

function stepText(step: Step): string {
  if (step.do === 'offer') return `offer ${step.device}`;
  if (step.do === 'give-up') return `give-up ${step.device} (${step.because})`;
  if (step.do === 'wait') return `wait ${step.device} until ${new Date(step.untilMs).toISOString()}`;
  if (step.do === 'open') return `open wave ${step.wave + 1}`;
  return step.do === 'halt' ? `halt (${step.because})` : 'complete';
}
