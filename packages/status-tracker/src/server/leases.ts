/**
 * Leases: what one of several processes does at a time. Nobody has to give one back; it is over when its
 * time is.
 */
import type { Sql } from './sql.ts';

export interface Lease {
  readonly name: string;
  /** Who holds it may have it again and again. */
  readonly holder: string;
  readonly nowMs: number;
  readonly forMs: number;
}

export interface LeaseStore {
  /** @returns whether the holder has it from now on. */
  lease(lease: Lease): Promise<boolean>;
}

/**
 * One that seems to last longer than any is given for comes of a clock that was wrong: it binds nobody.
 * Twice the time leaves room for clocks that differ.
 */
const soonestMs = ({ nowMs, forMs }: Lease): number => nowMs + 2 * forMs;

/** Where there is one process: its trackers share them. */
export function memoryLeases(): LeaseStore {
  const leases = new Map<string, { readonly holder: string; readonly untilMs: number }>();
  return {
    async lease(wanted) {
      const { name, holder, nowMs, forMs } = wanted;
      const found = leases.get(name);
      const isFree = found === undefined || found.untilMs <= nowMs || found.untilMs > soonestMs(wanted);
      if (!isFree && found.holder !== holder) return false;
      leases.set(name, { holder, untilMs: nowMs + forMs });
      return true;
    },
  };
}

/** Where there are several: one statement, of which only one can win. */
export const sqlLeases = (db: Sql): LeaseStore => ({
  async lease(wanted) {
    const { name, holder, nowMs, forMs } = wanted;
    const taken = await db.transaction(async (sql) =>
      sql.run(
        `INSERT INTO lease (tenant, name, holder, until_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (tenant, name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms
         WHERE lease.holder = excluded.holder OR lease.until_ms <= ?5 OR lease.until_ms > ?6`,
        ...[sql.tenant, name, holder, nowMs + forMs, nowMs, soonestMs(wanted)],
      ),
    );
    return taken > 0;
  },
});
