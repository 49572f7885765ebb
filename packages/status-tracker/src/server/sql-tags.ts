/** What operators call devices by, in SQL, and what becomes of their places by it. */
import type { TagChange } from './fleet.ts';
import type { Sql } from './sql.ts';
import { inOrderOf } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { writeMembers } from './sql-campaigns.ts';
import { deviceRow, membershipsOf } from './sql-evidence.ts';
import { joinOpen } from './sql-join.ts';
import { deviceOf } from './sql-rows.ts';
import type { Act } from './store.ts';
import { movedByTags, tagChangeText, tagged } from './tags.ts';

export async function tagDevices(
  sql: Sql,
  ids: readonly string[],
  change: TagChange,
  by: Act,
): Promise<readonly string[]> {
  const found = await inOrderOf(
    ids,
    (id) => id,
    async (id) => {
      const row = await deviceRow(sql, id);
      if (row === undefined) return false;
      const before = deviceOf(row);
      const device = { ...before, tags: tagged(before.tags, change) };
      const update = 'UPDATE device SET tags = ? WHERE tenant = ? AND id = ?';
      await sql.run(update, JSON.stringify(device.tags), sql.tenant, id);
      await writeAudit(sql, { ...by, act: 'device tagged', subject: id, detail: tagChangeText(change) });
      const moved = movedByTags(device, await membershipsOf(sql, id), by.atMs);
      await writeMembers(
        sql,
        moved.map((member) => ({ member, actor: by.actor })),
      );
      await joinOpen(sql, id, by.atMs);
      return true;
    },
  );
  return ids.filter((_, place) => found[place]);
}
