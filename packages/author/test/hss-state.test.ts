import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { LeafLedger, LedgerErrorKind } from '@lapel/cose';
import { LedgerError, beginLedger, digest, openLedger } from '@lapel/cose';
import { beginMarkFile, leafFile, markFile } from '@lapel/author';

const kid = digest('sha-256', new Uint8Array());
const leaves = 32;
const refused = (kind: LedgerErrorKind) => (error: unknown) =>
  error instanceof LedgerError && error.kind === kind;

interface Place {
  readonly ledger: string;
  readonly mark: string;
  readonly open: () => LeafLedger;
}

/** A new ledger with its mark, in a folder of its own. */
function begun(context: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-leaves-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [ledger, mark] = [join(folder, 'author.leaves'), join(folder, 'author.mark')];
  beginLedger(leafFile(ledger), kid);
  beginMarkFile(mark);
  return { ledger, mark, open: () => openLedger(leafFile(ledger), kid, markFile(mark)) };
}

test('S4-37: leaves go on where they ended, whoever opens the file', (context) => {
  const { open } = begun(context);
  const first = open();
  assert.deepEqual([first.reserve(leaves), first.reserve(leaves), open().reserve(leaves)], [0, 1, 2]);
});

test('S4-37: who holds the lock is alone, and whoever comes next need not clear up', (context) => {
  const { ledger, open } = begun(context);
  const holder = leafFile(ledger);
  assert.ok(holder.lock());
  assert.throws(() => open().reserve(leaves), refused('busy'));
  holder.unlock();
  assert.equal(open().reserve(leaves), 0);
});

test('S4-37: a copy of the ledger that is put back is refused', (context) => {
  const { ledger, open } = begun(context);
  open().reserve(leaves);
  copyFileSync(ledger, `${ledger}.backup`);
  open().reserve(leaves);
  copyFileSync(`${ledger}.backup`, ledger);
  assert.throws(() => open().reserve(leaves), refused('restored'));
});

test('S4-37: a ledger or a mark that is gone or unreadable is refused, and never begun again', (context) => {
  const { ledger, mark, open } = begun(context);
  open().reserve(leaves);
  assert.throws(() => beginLedger(leafFile(ledger), kid), refused('damaged'));
  assert.throws(() => beginMarkFile(mark), refused('damaged'));
  for (const text of ['', 'three\n', '1', '-1\n']) {
    writeFileSync(mark, text);
    assert.throws(() => open().reserve(leaves), refused('damaged'));
  }
  rmSync(mark);
  assert.throws(() => open().reserve(leaves), refused('damaged'));
  writeFileSync(mark, '0\n');
  writeFileSync(ledger, 'a ledger');
  assert.throws(() => open().reserve(leaves), refused('damaged'));
  rmSync(ledger);
  assert.throws(() => open().reserve(leaves), refused('damaged'));
});
