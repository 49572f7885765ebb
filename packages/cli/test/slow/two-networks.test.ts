/** A server in one network and devices in another, with real sockets and a cable that is pulled. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addLamp, createStage, until, withLamps } from '../stage.ts';
import { openTwoNetworks, whyNoNetworks } from '../two-networks.ts';

/** An image is on its way for two seconds at the least: none has arrived when the cable is pulled. */
const imageBytes = 36_000;
const rate = '128kbit';
const pulledMs = 1_500;
const [httpPort, coapPort] = [8080, 5683];

test(
  'S1-11, S4-31: from another network devices update by every road, though the cable was pulled',
  { skip: whyNoNetworks() },
  async (t) => {
    const { near, far, plug, isLossy } = await openTwoNetworks(t, rate, 'loss 5% delay 10ms');
    t.diagnostic(isLossy ? 'the cable loses 5 %' : 'no netem in this kernel: the cable loses nothing');
    const home = await createStage(t);
    const keys = await withLamps(home, new Uint8Array(randomBytes(imageBytes)));
    const { lapel, background, environment } = home.through(...near.starter);
    const ports = ['--port', String(httpPort), '--coap-port', String(coapPort)];
    const server = background('serve', '--host', near.address, ...ports, ...keys);
    await until(server, /coap:/);
    const host = near.address;
    environment['LAPEL_SERVER'] = `http://${host}:${httpPort}`;
    const as = (role: string) => ['--token-file', `data/tokens/${role}.token`];
    await lapel('publish', '1.1.0.suit', ...as('author'));
    await lapel('release', '1.1.0.suit', ...as('operator'));

    const roads = [
      ['http', httpPort],
      ['coap', coapPort],
      ['coap+tcp', coapPort],
      ['coap', coapPort, '--quick'],
    ] as const;
    const away = home.through(...far.starter);
    const made = async ([scheme, port, ...how]: (typeof roads)[number]) => {
      const id = ['lamp', scheme.replace('+', '-'), ...how].join('-').replace('---', '-');
      await addLamp({ lapel }, id, as('operator'));
      const url = `${scheme}://${host}:${port}`;
      return away.background('device', 'run', `${id}.flash`, '--server', url, '--poll', '1', ...how);
    };
    const devices = await Promise.all(roads.map(made));
    for (const device of devices) await until(device, /booted sequence number 1/);
    const campaign = ['--release', '1.1.0.suit', '--key', 'operator.pem', '--waves', '100%'];
    await lapel('campaign', 'start', ...campaign, ...as('operator'));
    await Promise.race(devices.map((device) => until(device, /fetching the image/)));
    plug(false);
    await sleep(pulledMs);
    for (const { output } of devices) assert.doesNotMatch(output, /image: the one/, 'the cable is pulled');
    plug(true);
    for (const device of devices) {
      await until(device, /booted sequence number 2/);
      await until(device, /reported to the tracker/);
    }
    assert.doesNotMatch(server.output, /bug/);
  },
);
