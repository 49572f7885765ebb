import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, unhex } from '@lapel/cbor';
import type { LedgerErrorKind } from '@lapel/cose';
import { LedgerError, beginLedger, digest, openLedger } from '@lapel/cose';
import type { Disk, End } from './leaf-disk.ts';
import { Cut, createDisk, ends } from './leaf-disk.ts';

const kid = digest('sha-256', unhex('01')!);
const otherKid = digest('sha-256', unhex('02')!);
const leaves = 32;
/** Lock, read state and mark, write aside, sync it, replace, sync the folder, raise the mark, unlock. */
const steps = 9;

const refused = (kind: LedgerErrorKind) => (error: unknown) =>
  error instanceof LedgerError && error.kind === kind;
const undisturbed = (): void => undefined;

function begun(options: Parameters<typeof createDisk>[0] = {}): Disk {
  const disk = createDisk(options);
  beginLedger(disk.access(undisturbed).store, kid);
  // Even a forgetful disk has had time to write what it was begun with.
  disk.putBack(disk.copy());
  return disk;
}

/** A signer on this disk. */
function signer(disk: Disk, { beforeStep = undisturbed, marked = true } = {}): () => number {
  const { store, mark } = disk.access(beforeStep);
  const ledger = openLedger(store, kid, marked ? mark : undefined);
  return () => ledger.reserve(leaves);
}

/** A signer that ends before its `cutAt`th step or after its last one; the leaf it was given, if it was. */
function endedSigner(disk: Disk, cutAt: number, end: End, marked: boolean): number | undefined {
  let step = 0;
  const beforeStep = () => {
    step += 1;
    if (step === cutAt) throw new Cut();
  };
  try {
    return signer(disk, { beforeStep, marked })();
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    return undefined;
  } finally {
    disk.end(end);
  }
}

/** Every way in which two signers in a row may end, and what they and two more were given. */
function* histories(
  marked: boolean,
  options = {},
): Generator<{ readonly told: string; readonly given: number[] }> {
  for (let first = 1; first <= steps + 1; first++) {
    for (const firstEnd of ends) {
      for (let second = 1; second <= steps + 1; second++) {
        for (const secondEnd of ends) {
          const disk = begun(options);
          const given = [
            endedSigner(disk, first, firstEnd, marked),
            endedSigner(disk, second, secondEnd, marked),
            signer(disk, { marked })(),
            signer(disk, { marked })(),
          ].filter((leaf) => leaf !== undefined);
          yield { told: JSON.stringify([first, firstEnd, second, secondEnd, given]), given };
        }
      }
    }
  }
}

const isSpentTwice = (given: readonly number[]) => new Set(given).size < given.length;

for (const marked of [true, false]) {
  test(`S4-37: cut between any two steps, twice in a row, no leaf is spent twice (mark: ${marked})`, () => {
    let count = 0;
    for (const { told, given } of histories(marked)) {
      count += 1;
      assert.ok(!isSpentTwice(given), told);
    }
    assert.equal(count, ((steps + 1) * ends.length) ** 2);
  });
}

test('the model is one that can fail: on a disk that forgets names a leaf is spent twice', () => {
  const spentTwice = [...histories(false, { forgetful: true })].filter(({ given }) => isSpentTwice(given));
  assert.ok(spentTwice.length > 0);
});

test('S4-37: on a disk that forgets names, the mark turns a leaf spent twice into a refusal', () => {
  const disk = begun({ forgetful: true });
  const reserve = signer(disk);
  assert.equal(reserve(), 0);
  disk.end({ power: 'fails', namesSurvive: false, contentSurvives: true });
  assert.throws(signer(disk), refused('restored'));
});

test('S4-37: a second signer between any two steps of a first gets another leaf, or is told to wait', () => {
  let waits = 0;
  for (let at = 1; at <= steps; at++) {
    const disk = begun();
    const given: number[] = [];
    let step = 0;
    const beforeStep = () => {
      step += 1;
      if (step !== at) return;
      try {
        given.push(signer(disk)());
      } catch (error) {
        assert.ok(refused('busy')(error), String(error));
        waits += 1;
      }
    };
    given.push(signer(disk, { beforeStep })(), signer(disk)());
    assert.ok(!isSpentTwice(given), `${at}: ${given.join()}`);
  }
  // Only before the lock is taken is there room for another.
  assert.equal(waits, steps - 1);
});

test('S4-37: a signer that dies while a second one waits leaves the lock, and no leaf, to it', () => {
  for (let at = 2; at <= steps; at++) {
    for (const end of ends) {
      const disk = begun();
      let step = 0;
      const beforeStep = () => {
        step += 1;
        if (step !== at) return;
        assert.throws(signer(disk), refused('busy'));
        throw new Cut();
      };
      assert.throws(signer(disk, { beforeStep }), Cut);
      disk.end(end);
      const given = [signer(disk)(), signer(disk)()];
      assert.ok(!isSpentTwice(given));
    }
  }
});

test('S4-37: a copy of the state that is put back is noticed by the mark', () => {
  const disk = begun();
  const reserve = signer(disk);
  reserve();
  const copy = disk.copy();
  assert.equal(reserve(), 1);
  disk.putBack(copy);
  assert.throws(reserve, refused('restored'));
  disk.putBack(undefined);
  assert.throws(reserve, refused('damaged'));
});

test('without a mark a copy that is put back cannot be told from the state: it spends a leaf again', () => {
  const disk = begun();
  const reserve = signer(disk, { marked: false });
  const copy = disk.copy();
  const first = reserve();
  disk.putBack(copy);
  assert.equal(reserve(), first);
});

test('leaves are given in order, and after the last one none', () => {
  const reserve = signer(begun());
  assert.deepEqual(
    Array.from({ length: leaves }, () => reserve()),
    Array.from({ length: leaves }, (_, leaf) => leaf),
  );
  assert.throws(reserve, refused('exhausted'));
});

test('a ledger is begun once, for one key, and nothing else is taken for it', () => {
  const disk = begun();
  assert.throws(() => beginLedger(disk.access(undisturbed).store, kid), refused('damaged'));
  const { store, mark } = disk.access(undisturbed);
  assert.throws(() => openLedger(store, otherKid, mark).reserve(leaves), refused('damaged'));
  for (const content of [new Uint8Array(), unhex('a0')!, unhex(`a2015820${hex(kid)}0220`)!]) {
    disk.putBack(content);
    assert.throws(signer(disk), refused('damaged'));
  }
});
