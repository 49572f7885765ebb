import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { discard, readProblem } from '@lapel/transport';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';

test('S4-133: through `lapel serve`, too, nobody rolls out what the same person has signed', async () => {
  const world = await openHouseWorld([
    ['author', 'authors', 'ann'],
    ['author', 'operators', 'ann'],
    ['operator', 'operators', 'bob'],
  ]);
  try {
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const campaign = world.campaign(manifest);
    const refused = await world.send('POST', '/campaigns', signedCampaign(campaign, world.author));
    assert.equal(refused.status, 'forbidden');
    const { detail } = await readProblem(refused);
    assert.equal(detail, "expected an operator who is not the release's author, found ann");
    const taken = await world.send('POST', '/campaigns', signedCampaign(campaign, world.operator));
    assert.equal(taken.status, 'created');
    await discard(taken.body);
  } finally {
    await world.close();
  }
});

test('S4-133: an author is no operator of its release under another key of its own either', async () => {
  const world = await openHouseWorld([
    ['author', 'authors', 'ann'],
    ['operator', 'operators', 'ann@token'],
  ]);
  try {
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const signed = signedCampaign(world.campaign(manifest), world.operator);
    const refused = await world.send('POST', '/campaigns', signed);
    assert.equal(
      (await readProblem(refused)).detail,
      "expected an operator who is not the release's author, found ann",
    );
  } finally {
    await world.close();
  }
});

test('S4-133: of several authors of a release none rolls it out', async () => {
  const world = await openHouseWorld([
    ['author', 'authors', 'ann'],
    ['operator', 'authors', 'bob'],
    ['operator', 'operators', 'bob'],
  ]);
  try {
    const manifest = await world.release(await lampImage('1.1.0'), 2, world.operator);
    const signed = signedCampaign(world.campaign(manifest), world.operator);
    const refused = await world.send('POST', '/campaigns', signed);
    assert.match((await readProblem(refused)).detail, /found bob$/);
  } finally {
    await world.close();
  }
});

test('X-36: the audit says who published and who released which firmware', async () => {
  const world = await openHouseWorld([['author', 'authors']]);
  try {
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const chain = await world.house.store.auditChain(0, 100);
    const told = chain.filter(({ subject }) => subject === manifest);
    const signer = hex(world.author.public.kid).slice(0, 12);
    const detail = `version 1.2.0, sequence number 2, signed by ${signer}`;
    assert.deepEqual(
      told.map(({ act, actor, roles, detail: said }) => ({ act, actor, roles, said })),
      [
        { act: 'manifest published', actor: 'author', roles: 'author', said: detail },
        { act: 'manifest released', actor: 'operator', roles: 'operator', said: detail },
      ],
    );
  } finally {
    await world.close();
  }
});
