/** The rules of a rollout as functions: who is meant, who goes first, when, and what halts it. */
export { draw, drawEnd, waveOf } from './draw.ts';
export { failuresToHalt, successesToGo, weigh } from './gate.ts';
export type { Gate, Trials, Verdict } from './gate.ts';
export { QueryError, queryTextMax, readQuery } from './query-text.ts';
export { answer, matches, queryText } from './query.ts';
export type { Attributes, Query } from './query.ts';
export { shownTime } from './shown-time.ts';
export { usualStrategy } from './urgency.ts';
export type { UrgencyRule, UrgencyStrategy } from './urgency.ts';
export { compareVersions, readVersion } from './version-order.ts';
export { isZone, openingFor } from './window.ts';
export type { Opening, Window } from './window.ts';
