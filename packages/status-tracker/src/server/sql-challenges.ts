/** Secrets of challenges, and which were used, in SQL. */
import { hex } from '@lapel/cbor';
import type { ChallengeStore, UsedChallenge } from './challenge-store.ts';
import { firstKept } from './challenge-store.ts';
import type { Batch, Sql } from './sql.ts';
import { blob, integer } from './sql-rows.ts';

export const sqlChallenges = (db: Sql): ChallengeStore => ({
  async challengeSecrets() {
    const inOrder = 'SELECT number, secret FROM challenge_secret WHERE tenant = ? ORDER BY number';
    const rows = await db.all(inOrder, db.tenant);
    return rows.map((row) => ({ number: integer(row, 'number'), secret: blob(row, 'secret') }));
  },
  addChallengeSecret: async ({ number, secret }) =>
    db.transaction(async (sql) => {
      const { tenant } = sql;
      const later = 'SELECT 1 AS later FROM challenge_secret WHERE tenant = ? AND number >= ? LIMIT 1';
      if ((await sql.get(later, tenant, number)) !== undefined) return false;
      const insert = 'INSERT INTO challenge_secret (tenant, number, secret) VALUES (?, ?, ?)';
      await sql.run(insert, tenant, number, secret);
      const first = firstKept({ number });
      await sql.run('DELETE FROM challenge_secret WHERE tenant = ? AND number < ?', tenant, first);
      await sql.run('DELETE FROM used_challenge WHERE tenant = ? AND number < ?', tenant, first);
      return true;
    }),
  useChallenges: async (batch) => db.transaction(async (sql) => use(sql, batch)),
});

async function use(sql: Sql, batch: readonly UsedChallenge[]): Promise<readonly boolean[]> {
  const kept = await sql.all('SELECT number FROM challenge_secret WHERE tenant = ?', sql.tenant);
  const numbers = new Set(kept.map((row) => integer(row, 'number')));
  const used = await sql.allBatch(usedSql, rowsOf(batch), sql.tenant);
  const taken = new Set(used.map((row) => nameOf({ number: integer(row, 'number'), mac: blob(row, 'mac') })));
  const fresh: UsedChallenge[] = [];
  const ends = batch.map((each) => {
    if (!numbers.has(each.number) || taken.size === taken.add(nameOf(each)).size) return false;
    fresh.push(each);
    return true;
  });
  await sql.runBatch(useSql, rowsOf(fresh), sql.tenant);
  return ends;
}

const usedSql = `SELECT used.number, used.mac FROM batch() JOIN used_challenge AS used
  ON used.tenant = ?1 AND used.number = batch.number AND used.mac = batch.mac`;
const useSql =
  'INSERT INTO used_challenge (tenant, number, mac) SELECT ?1, number, mac FROM batch() WHERE true';

const nameOf = ({ number, mac }: UsedChallenge): string => `${number} ${hex(mac)}`;

const rowsOf = (batch: readonly UsedChallenge[]): Batch => ({
  columns: { number: 'integer', mac: 'blob' },
  rows: batch.map(({ number, mac }) => [number, mac]),
});
