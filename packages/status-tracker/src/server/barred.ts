/**
 * Devices that are kept out: frozen until an operator decides, or retired, and of the fleet no more. Both
 * keep their ids, their keys and what they have said, and are back when an operator approves them.
 */
import type { AuditEntry } from './audit.ts';
import type { Act, Approval } from './fleet.ts';

export type Barred = Extract<Approval, 'frozen' | 'retired'>;

export interface Barring extends Act {
  readonly because: string;
  /** What devices did has brought it about, no person: the audit has it beside its chain. */
  readonly isApart?: true;
}

export interface BarredNews {
  readonly kind: Barred;
  readonly device: string;
  readonly because: string;
  readonly atMs: number;
}

export const barringEntry = (
  device: string,
  as: Barred,
  { because: detail, ...by }: Barring,
): AuditEntry => ({ ...by, act: `device ${as}`, subject: device, detail });
