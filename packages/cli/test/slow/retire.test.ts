/** A device that an operator takes out of the fleet and brings back, by the command line. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addLamp, createStage, until, withLamps } from '../stage.ts';

test('S2-08: a frozen device gets nothing, a retired one is refused, and either comes back', async (t) => {
  const stage = await createStage(t);
  const { lapel, run, serving, background, environment } = stage;
  const server = await serving(...(await withLamps(stage)));
  environment['LAPEL_SERVER'] = server.url;
  const as = (role: string) => ['--token-file', `data/tokens/${role}.token`];
  await lapel('publish', '1.1.0.suit', ...as('author'));
  await lapel('release', '1.1.0.suit', ...as('operator'));
  await addLamp(stage, 'lamp-77', as('operator'));
  const device = background('device', 'run', 'lamp-77.flash', '--server', server.url, '--poll', '1');
  await until(device, /booted sequence number 1/);
  const listed = async () => lapel('devices', 'list', ...as('viewer'));
  for (let tries = 60; tries > 0 && !/idle/.test(await listed()); tries--);
  assert.match(await listed(), /^lamp-77 +idle /m);

  const frozen = await lapel('devices', 'freeze', 'lamp-77', '--because', 'seen twice', ...as('operator'));
  assert.match(frozen, /^frozen +lamp-77$/m);
  assert.match(await listed(), /^lamp-77 +frozen /m);
  const because = ['--because', 'returned to the factory'];
  const retired = await lapel('devices', 'retire', 'lamp-77', ...because, '--json', ...as('operator'));
  assert.deepEqual(JSON.parse(retired), {
    devices: ['lamp-77'],
    approval: 'retired',
    because: 'returned to the factory',
  });
  assert.match(await listed(), /^lamp-77 +retired /m);
  await until(device, /expected a device of the fleet, found one that an operator has retired/);
  const campaign = ['--release', '1.1.0.suit', '--key', 'operator.pem', '--waves', '100%'];
  await lapel('campaign', 'start', ...campaign, ...as('operator'));
  const shown = await lapel('devices', 'show', 'lamp-77', ...as('viewer'));
  assert.match(shown, /lamp-77 is retired, and of the fleet no more: returned to the factory\./);
  const stranger = await run('devices', 'retire', 'lamp-78', ...because, ...as('operator'));
  assert.match(stranger.stderr, /expected the id of a device, found lamp-78/);
  assert.equal((await run('devices', 'retire', 'lamp-77', ...as('operator'))).exit, 2, 'nobody says why');
  assert.match(await lapel('audit', ...as('operator')), /device retired .*lamp-77.*returned to the factory/);

  await lapel('devices', 'approve', 'lamp-77', ...as('operator'));
  await until(device, /booted sequence number 2/);
  await until(device, /reported to the tracker/);
  assert.doesNotMatch(server.output + device.output, /bug| at /);
});
