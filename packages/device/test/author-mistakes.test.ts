/** A trusted author makes mistakes too: none of them costs a device more than that update. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bstr, read, write } from '@lapel/cbor';
import type { DigestAlgorithm } from '@lapel/cose';
import { digest } from '@lapel/cose';
import { signEnvelope } from '@lapel/author';
import { Digest, Manifest, digestOf, readEnvelope, writeEnvelope } from '@lapel/suit';
import { bootsOf, given, liveUntilQuiet, newImage, offers, refusals, seenIn, withServer } from './life.ts';
import type { Made } from './world.ts';
import { flashOf, make } from './world.ts';

interface Mistake {
  readonly change?: (manifest: Manifest) => Manifest;
  readonly algorithm?: DigestAlgorithm;
}

/** An envelope with something else in it, well signed. */
function mistaken(
  { profile, author }: Made,
  envelope: Uint8Array,
  { change = (manifest) => manifest, algorithm = 'sha-256' }: Mistake,
): Uint8Array {
  const { manifest: content, ...rest } = readEnvelope(envelope, profile.limits);
  const manifest = write(bstr, write(Manifest, change(read(Manifest, read(bstr, content)))));
  const of = write(Digest, digestOf({ algorithm, bytes: digest(algorithm, manifest) }));
  return signEnvelope(writeEnvelope({ ...rest, manifest, digest: of, blocks: [] }), author);
}

test('S4-42: text that nobody can read keeps no device from running, telling or updating', async () => {
  const made = await make({ imagePages: 16 });
  await withServer(made, async ({ handler, publish }) => {
    const release = await made.release(newImage, 2);
    await publish(release, newImage);
    const change = (manifest: Manifest) => ({ ...manifest, text: new Uint8Array([0xff]) });
    // Our own server would not take it; a device may meet it all the same.
    const unreadable = given(mistaken(made, release, { change }));
    const flash = flashOf(made);
    const life = { flash, handler, connect: () => offers(() => unreadable) };
    assert.equal(bootsOf(await liveUntilQuiet(made, life)), '0 1t');
    await publish(await made.release(newImage.subarray(1), 3), newImage.subarray(1));
    assert.equal(bootsOf(await liveUntilQuiet(made, { flash, handler })), '1 0t');
    assert.equal(seenIn(made, flash).floor, 3);
  });
});

test('S4-48: a manifest that the journal cannot name is refused before anything is written', async () => {
  const made = await make();
  for (const algorithm of ['sha-384', 'sha-512', 'shake256'] as const) {
    const flash = flashOf(made);
    const envelope = mistaken(made, await made.release(newImage, 2), { algorithm });
    const refused = await refusals(made, flash, [envelope]);
    assert.deepEqual(refused, [`expected a manifest with sha-256, found ${algorithm}`]);
    assert.equal(flash.operations, 0);
  }
});

test('S4-45: a manifest that does not compare its image is authentic, and no proof of it', async () => {
  const made = await make({ imagePages: 16 });
  await withServer(made, async ({ handler, publish }) => {
    const careless = mistaken(made, await made.release(newImage, 2), {
      change({ validate, ...manifest }) {
        assert.ok(validate !== undefined);
        return manifest;
      },
    });
    await publish(careless, newImage);
    const flash = flashOf(made);
    const { decisions, steps } = await liveUntilQuiet(made, { flash, handler });
    assert.ok(
      decisions.every((each) => each.boot === 'slot' && each.slot === 0),
      JSON.stringify(steps),
    );
    assert.ok(decisions.length <= 6, 'not for ever');
    assert.equal(seenIn(made, flash).floor, 1);
  });
});
