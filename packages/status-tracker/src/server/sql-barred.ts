/** Devices that are kept out, in SQL. */
import type { Barred, Barring } from './barred.ts';
import { barringEntry } from './barred.ts';
import { placesAfterRetiring } from './member-moves.ts';
import type { Sql } from './sql.ts';
import { inOrderOf } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { writeMembers } from './sql-campaigns.ts';
import { membershipsOf } from './sql-evidence.ts';

export const freeze = async (sql: Sql, ids: readonly string[], why: Barring): Promise<readonly string[]> =>
  bar(sql, ids, { as: 'frozen', why }, async () => undefined);

export const retire = async (sql: Sql, ids: readonly string[], why: Barring): Promise<readonly string[]> =>
  bar(sql, ids, { as: 'retired', why }, async (id) => {
    const places = (await membershipsOf(sql, id)).map(({ member }) => member);
    const moved = placesAfterRetiring(places, why.atMs);
    await writeMembers(
      sql,
      moved.map((member) => ({ member, actor: why.actor })),
    );
  });

const barSql: Readonly<Record<Barred, string>> = {
  frozen: `UPDATE device SET approval = 'frozen', last_error = ?, actor = ?
    WHERE tenant = ? AND id = ? AND approval = 'approved'`,
  retired: `UPDATE device SET approval = 'retired', token_hash = NULL, last_error = ?, actor = ?
    WHERE tenant = ? AND id = ? AND approval IN ('approved', 'frozen')`,
};

/** @param beside what else becomes of each. @returns those that it was done to. */
async function bar(
  sql: Sql,
  ids: readonly string[],
  { as, why }: { readonly as: Barred; readonly why: Barring },
  beside: (id: string) => Promise<void>,
): Promise<readonly string[]> {
  const done = await inOrderOf(
    ids,
    (id) => id,
    async (id) => {
      if ((await sql.run(barSql[as], why.because, why.actor, sql.tenant, id)) === 0) return false;
      await writeAudit(sql, barringEntry(id, as, why));
      await beside(id);
      return true;
    },
  );
  const barred = ids.filter((_, place) => done[place]);
  const { because, atMs } = why;
  await sql.tell(barred.map((device) => ({ kind: as, device, because, atMs })));
  return barred;
}
