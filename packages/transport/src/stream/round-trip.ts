/** How long to wait for an answer of a link, by how long its answers took (RFC 6298 §2). */

export interface RoundTrip {
  /** From now on. */
  readonly answerMs: number;
  measured(ms: number): void;
  /** §5.5: one that did not come makes more patient. */
  backOff(): void;
}

/** The weights of §2.3. */
const [ofMean, ofVariation] = [1 / 8, 1 / 4];
/**
 * Nobody else is on a link of two ends: what is lost there is noise, and patience does not make it less.
 */
const backOffMax = 8;

/** @param leastMs and to begin with */
export function roundTrip(leastMs: number): RoundTrip {
  let meanMs: number | undefined;
  let variationMs = 0;
  let usualMs = leastMs;
  let answerMs = leastMs;
  return {
    get answerMs() {
      return answerMs;
    },
    measured(ms) {
      if (meanMs === undefined) [meanMs, variationMs] = [ms, ms / 2];
      else {
        variationMs += ofVariation * (Math.abs(meanMs - ms) - variationMs);
        meanMs += ofMean * (ms - meanMs);
      }
      usualMs = Math.max(leastMs, meanMs + 4 * variationMs);
      answerMs = usualMs;
    },
    backOff: () => void (answerMs = Math.min(backOffMax * usualMs, answerMs * 2)),
  };
}
