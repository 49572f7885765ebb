/**
 * What operators were refused, in their audit: each with its reason, and not more of a flood than an operator
 * reads.
 */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { AuditStore } from '../audit.ts';

interface Attempt {
  readonly method: string;
  readonly url: string;
  readonly actor: string;
  readonly request: FastifyRequest;
}

const hourMs = 3_600_000;
/** Of each actor in an hour; nobody who has a token fills a disk by it. */
const toldMax = 100;
const actorsMax = 10_000;

export function auditRefusals({
  store,
  clock,
}: {
  readonly store: Pick<AuditStore, 'appendAudit'>;
  readonly clock: Clock;
}) {
  let sinceMs = clock.monotonicMs();
  const told = new Map<string, number>();

  /** @returns which of the hour it is, or none where it is not told any more. */
  function turn(actor: string): number | undefined {
    if (clock.monotonicMs() - sinceMs >= hourMs || told.size >= actorsMax) {
      sinceMs = clock.monotonicMs();
      told.clear();
    }
    const count = (told.get(actor) ?? 0) + 1;
    told.set(actor, count);
    return count <= toldMax ? count : undefined;
  }

  return async function audited<T>(attempt: Attempt, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (attempt.method === 'GET' || !(error instanceof Problem)) throw error;
      const count = turn(attempt.actor);
      if (count === undefined) throw error;
      const { id } = attempt.request.params as { readonly id?: string };
      const last = count === toldMax ? '; further ones in this hour are not told' : '';
      await store.appendAudit([
        {
          actor: attempt.actor,
          atMs: clock.wallMs(),
          act: `refused: ${attempt.method} ${attempt.url}`,
          subject: (id ?? '').slice(0, 256),
          detail: `${error.code}: ${error.detail}${last}`.slice(0, 1024),
        },
      ]);
      throw error;
    }
  };
}
