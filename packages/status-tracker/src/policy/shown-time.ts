/** A time that somebody has named, for people. Beyond the year 275760 there is no date, only a number. */
export const shownTime = (ms: number): string => (ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);
