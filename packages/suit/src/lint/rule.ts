/** What a rule is. */

export type Severity = 'error' | 'warning' | 'note';

export interface Rule {
  readonly severity: Severity;
  /** The section that it follows. */
  readonly section: string;
  /** What it wants, in a sentence. */
  readonly wants: string;
  readonly mend: string;
}

export const rule = (severity: Severity, section: string, wants: string, mend: string): Rule => ({
  severity,
  section,
  wants,
  mend,
});
