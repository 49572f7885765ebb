/**
 * Whether a firmware is bad: a sequential test between a failure rate that is tolerated and one that is
 * bad, decided after as few devices as the written error rates allow (docs/decisions/0024). The likelihood
 * ratio of the two is a martingale under either, so by Ville's inequality it crosses 1/α wrongly with a
 * probability of at most α, however often one looks. Nothing here waits for a particular order of answers:
 * a device in flight counts as good where the question is to halt, and as bad where it is to go on.
 */

/** All in thousandths. */
export interface Gate {
  /** A failure rate that an operator lives with. */
  readonly tolerated: number;
  /** One that must be noticed. */
  readonly bad: number;
  /** How often a tolerable firmware may be halted, all waves together. */
  readonly falseHalt: number;
  /** How often a bad firmware may pass into the next wave. */
  readonly falseGo: number;
}

/** Of one wave. A device counts once, whatever it says how often. */
export interface Trials {
  readonly confirmed: number;
  /** Those that fell silent among them. */
  readonly failed: number;
  readonly inFlight: number;
}

export interface Verdict {
  readonly halt: boolean;
  readonly go: boolean;
  /** Devices that must yet succeed, should none fail, before the next wave may open. */
  readonly needed: number;
}

/** @param waves among which the probability of a false halt is shared */
export function weigh(gate: Gate, { confirmed, failed, inFlight }: Trials, waves: number): Verdict {
  const { perFailure, perSuccess, haltAt, goAt } = bounds(gate, waves);
  const evidence = (failures: number, successes: number) =>
    times(failures, perFailure) + times(successes, perSuccess);
  const certain = evidence(failed, confirmed);
  return {
    // Of a firmware that nothing speaks for, one failure may be certainty: then ∞ - ∞ must not be asked.
    halt: failed > 0 && (perFailure === Infinity || evidence(failed, confirmed + inFlight) >= haltAt),
    go: !(failed + inFlight > 0 && perFailure === Infinity) && evidence(failed + inFlight, confirmed) <= goAt,
    needed: certain <= goAt ? 0 : perSuccess === -Infinity ? 1 : Math.ceil((certain - goAt) / -perSuccess),
  };
}

/** How many devices must fail at least before a campaign halts: what a few liars can't reach. */
export function failuresToHalt(gate: Gate, waves: number): number {
  const { perFailure, haltAt } = bounds(gate, waves);
  return perFailure === Infinity ? 1 : Math.ceil(haltAt / perFailure);
}

/** Devices that must succeed without any failure before the next wave opens. */
export const successesToGo = (gate: Gate): number =>
  weigh(gate, { confirmed: 0, failed: 0, inFlight: 0 }, 1).needed;

function bounds({ tolerated, bad, falseHalt, falseGo }: Gate, waves: number) {
  return {
    perFailure: Math.log(bad / tolerated),
    perSuccess: Math.log((1000 - bad) / (1000 - tolerated)),
    haltAt: Math.log((1000 * waves) / falseHalt),
    goAt: Math.log(falseGo / 1000),
  };
}

/** No failure says nothing, even where one would say all. */
const times = (count: number, each: number): number => (count === 0 ? 0 : count * each);
