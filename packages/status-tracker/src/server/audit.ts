/**
 * The audit: what was done, by whom, and what came of it. What operators did is a chain, each entry in the
 * transaction of what it tells; what devices caused stands beside it, for it may come at any rate.
 */
import type { AuditLink } from '../transparency/audit-chain.ts';
import { linked, nameOfActor } from '../transparency/audit-chain.ts';
import type { Act } from './fleet.ts';

export interface AuditEntry extends Act {
  /** A verb and its object: `device approved`. */
  readonly act: string;
  readonly subject: string;
  readonly detail?: string;
  /** Whether a device caused it, so that it is not in the chain. */
  readonly isApart?: true;
}

export interface AuditStore {
  appendAudit(batch: readonly AuditEntry[]): Promise<void>;
  /** Newest first. */
  audit(limit: number): Promise<readonly AuditEntry[]>;
  /** What operators did, oldest first, from number `from` on. */
  auditChain(from: number, limit: number): Promise<readonly AuditLink[]>;
}

/** In memory; the roles are what the actor has as it acts. */
export function createAuditTrail(rolesOf: (name: string) => readonly string[]) {
  const entries: AuditEntry[] = [];
  const chain: AuditLink[] = [];
  return {
    entries,
    chain,
    push(...added: readonly AuditEntry[]): void {
      for (const { isApart, ...entry } of added) {
        entries.push(entry);
        if (isApart === true) continue;
        const roles = rolesOf(nameOfActor(entry.actor)).join(' ');
        chain.push(linked(chain.at(-1), { ...entry, roles, number: chain.length }));
      }
    },
  };
}
export type AuditTrail = ReturnType<typeof createAuditTrail>;
