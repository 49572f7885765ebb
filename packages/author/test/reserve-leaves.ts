/** Reserves leaves and tells each, until it is killed or all are spent: a signer, less the signing. */

import { writeSync } from 'node:fs';
import { LedgerError, digest, openLedger } from '@lapel/cose';
import { leafFile, markFile } from '@lapel/author';

const [ledgerPath = '', markPath = '', leaves = '0'] = process.argv.slice(2);
const kid = digest('sha-256', new Uint8Array());
const ledger = openLedger(leafFile(ledgerPath), kid, markFile(markPath));

for (let left = 100_000; left > 0; left--) {
  try {
    writeSync(1, `${ledger.reserve(Number(leaves))}\n`);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.kind === 'exhausted') break;
    if (error.kind !== 'busy') throw error;
  }
}
