/**
 * Two networks of their own on this machine and a cable between them: namespaces of Linux, which end with the
 * test, and of which nothing outside of them is touched.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

interface NetworkSide {
  /** What starts a command in it. */
  readonly starter: readonly string[];
  readonly address: string;
}

export interface TwoNetworks {
  readonly near: NetworkSide;
  readonly far: NetworkSide;
  /** Pulls the cable, and puts it in again. */
  plug(isIn: boolean): void;
  /** Whether the kernel delays and loses what goes through the cable. */
  readonly isLossy: boolean;
}

const programs = { unshare: 'util-linux', nsenter: 'util-linux', ip: 'iproute2', tc: 'iproute2' };
const [near, far] = ['198.51.100.1', '198.51.100.2'];
const cable = 'cable';

/** Why there can be none here; false, where there can. */
export function whyNoNetworks(): string | false {
  for (const [program, name] of Object.entries(programs))
    if (spawnSync(program, ['-V'], { stdio: 'ignore' }).error !== undefined)
      return `${program} is not here: tools/debian-packages.txt names ${name}`;
  const made = [`ip link add ${cable} type veth`, slow('1mbit')].join(' && ');
  const tried = spawnSync('unshare', ['--net', 'sh', '-c', made], { encoding: 'utf8' });
  return tried.status === 0 ? false : `this machine makes no networks: ${tried.stderr.trim()}`;
}

/** What lets no more through the cable than `rate`, which every kernel that shapes at all can do. */
function slow(rate: string): string {
  return `tc qdisc add dev ${cable} root tbf rate ${rate} burst 4kb latency 400ms`;
}

/**
 * @param rate of each direction, as `tc` takes it, such as `128kbit`
 * @param worse what else is wrong with it, as `tc netem` takes it, such as `loss 5% delay 20ms`; not all can
 */
export async function openTwoNetworks(t: TestContext, rate: string, worse: string): Promise<TwoNetworks> {
  const starters = [await namespace(t), await namespace(t)] as const;
  const [a, b] = starters.map((pid) => ['nsenter', '--target', String(pid), '--net']) as [string[], string[]];
  must(a, `ip link add ${cable} type veth peer name ${cable} netns ${starters[1]}`);
  let isLossy = true;
  for (const [starter, address] of [
    [a, near],
    [b, far],
  ] as const) {
    must(starter, `ip address add ${address}/24 dev ${cable}`);
    for (const device of ['lo', cable]) must(starter, `ip link set ${device} up`);
    const lossy = `tc qdisc add dev ${cable} root netem rate ${rate} ${worse}`;
    isLossy = isLossy && act(starter, lossy).status === 0;
    if (!isLossy) must(starter, slow(rate));
  }
  return {
    near: { starter: a, address: near },
    far: { starter: b, address: far },
    plug: (isIn) => must(a, `ip link set ${cable} ${isIn ? 'up' : 'down'}`),
    isLossy,
  };
}

/** @returns the process that holds a new namespace, until the test ends. */
async function namespace(t: TestContext): Promise<number> {
  const holder: ChildProcess = spawn('unshare', ['--net', 'sh', '-c', 'echo here; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => holder.kill('SIGKILL'));
  assert.ok(holder.stdout !== null && holder.pid !== undefined);
  await once(holder.stdout, 'data');
  return holder.pid;
}

function act([program = '', ...leading]: readonly string[], command: string) {
  return spawnSync(program, [...leading, ...command.split(' ')], { encoding: 'utf8' });
}

function must(starter: readonly string[], command: string): void {
  const { status, stderr } = act(starter, command);
  assert.equal(status, 0, `${command}: ${stderr}`);
}
