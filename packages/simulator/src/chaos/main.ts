/** `npm run chaos`: the fleet under faults, as a command. Exits 0 when nothing was contradicted. */

import { parseArgs } from 'node:util';
import { systemClock } from '@lapel/transport';
import { runChaos } from './chaos.ts';

const usage = `npm run chaos -- [--seed S] [--seconds N] [--devices N]

Trackers are killed, frozen, given another clock and a full disk while devices update and operators decide;
old messages come again, and strangers register. The last line is JSON; it exits with 1 on a finding.
The seed decides what goes wrong and when; processes of their own decide how far each has come by then.
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    devices: { type: 'string', default: '30' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) process.stdout.write(usage);
else await main(Number(values.seed), Number(values.seconds), Number(values.devices));

async function main(seed: number, seconds: number, devices: number): Promise<void> {
  if (![seed, seconds, devices].every((each) => Number.isSafeInteger(each) && each >= 0) || devices === 0) {
    process.stderr.write(`expected whole numbers, found others\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const { counts, findings } = await runChaos({ seed, seconds, devices, clock: systemClock });
  for (const each of findings) console.log(`found: ${each}`);
  console.log(JSON.stringify({ seed, seconds, devices, ...counts, findings: findings.length }));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
