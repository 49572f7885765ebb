/** What is wrong with a manifest before any device has it: the rules, and what breaks them. */

import type { Rule, Severity } from './rule.ts';
import { commandRules } from './rules-commands.ts';
import { frameRules } from './rules-frame.ts';
import { payloadRules } from './rules-payloads.ts';

/** An error is what devices refuse, or what harms them; a warning is what they do without a protest. */
export const rules = { ...frameRules, ...commandRules, ...payloadRules } satisfies Readonly<
  Record<string, Rule>
>;

export type RuleName = keyof typeof rules;

export interface Finding {
  readonly rule: RuleName;
  readonly severity: Severity;
  readonly section: string;
  /** What was expected and found. */
  readonly message: string;
  readonly mend: string;
  /** In words: `install, byte 12, directive-fetch`. */
  readonly where: string;
  /** Byte in the envelope, where there is one. */
  readonly offset?: number;
}

export interface Place {
  readonly where: string;
  readonly offset?: number;
}

/** Collects findings, each once. */
export interface Findings {
  readonly found: readonly Finding[];
  add(name: RuleName, place: Place, message: string): void;
}

/** One manifest may break one rule in very many places; no rule may hide another. */
const perRuleMax = 32;

export function collectFindings(): Findings {
  const found = new Map<RuleName, Map<string, Finding>>();
  return {
    get found() {
      const all = [...found.values()].flatMap((each) => [...each.values()]);
      return all.toSorted((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
    },
    add(name, place, message) {
      const own = found.get(name) ?? new Map<string, Finding>();
      found.set(name, own);
      if (own.size >= perRuleMax) return;
      const { severity, section, mend } = rules[name];
      own.set(`${place.where} ${message}`, { rule: name, severity, section, message, mend, ...place });
    },
  };
}
