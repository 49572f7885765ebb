/**
 * When a device may be interrupted: windows in its own local time, by the IANA zone of its registration.
 * Each device starts at an offset of its own inside the window, always the same, so that not all of a city
 * begin at 02:00:00.
 */

export interface Window {
  /** Days on which it opens, Monday first: bit 0 to bit 6. */
  readonly days: number;
  /** Minutes since local midnight. */
  readonly opens: number;
  /** Minutes that it stays open; it may pass midnight. */
  readonly lasts: number;
}

export interface Opening {
  readonly fromMs: number;
  readonly untilMs: number;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
export const dayMinutes = 1_440;
/** What is left of a window after the latest offset: half of it is for the last to begin, too. */
const spread = 0.5;

/** Zones that the runtime knows; of any other the caller must say that it is none. */
export function isZone(zone: string): boolean {
  if (zone.length > 64) return false;
  try {
    formatter(zone);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/**
 * The opening for one device that is open at `nowMs`, or the next one.
 * @param zone undefined for a device that has told none: it lives in UTC
 * @param share of the device's own, from 0 to below 1
 */
export function openingFor(
  window: Window,
  zone: string | undefined,
  share: number,
  nowMs: number,
): Opening | undefined {
  const place = zone !== undefined && isZone(zone) ? zone : 'UTC';
  const today = Math.floor((nowMs + offsetMs(place, nowMs)) / dayMs);
  // One that opened yesterday may pass midnight; a week later there has been every day.
  for (let day = today - 1; day <= today + 7; day++) {
    // Day 0, the first of January 1970, was a Thursday.
    if (((window.days >> ((day + 3) % 7)) & 1) === 0) continue;
    const opensMs = toUtc(place, day * dayMs + window.opens * minuteMs);
    const lastsMs = window.lasts * minuteMs;
    const fromMs = opensMs + Math.floor(lastsMs * spread * share);
    const untilMs = opensMs + lastsMs;
    if (nowMs < untilMs) return { fromMs, untilMs };
  }
  return undefined;
}

/** Local time ahead of UTC at an instant. */
function offsetMs(zone: string, atMs: number): number {
  const parts = new Map(
    formatter(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return local - Math.floor(atMs / 1000) * 1000;
}

/** A local time that a clock skips becomes the first instant after; of one that comes twice, the first. */
function toUtc(zone: string, localMs: number): number {
  const early = localMs - offsetMs(zone, localMs - dayMs);
  const late = localMs - offsetMs(zone, localMs + dayMs);
  const [first, second] = early <= late ? [early, late] : [late, early];
  for (const at of [first, second]) if (at + offsetMs(zone, at) === localMs) return at;
  return second;
}

const formatters = new Map<string, Intl.DateTimeFormat>();
/** The world has fewer than 600 zones; names come from outside. */
const formattersMax = 1_000;

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    ...({ year: 'numeric', month: 'numeric', day: 'numeric' } as const),
    ...({ hour: 'numeric', minute: 'numeric', second: 'numeric' } as const),
  });
  if (formatters.size < formattersMax) formatters.set(zone, made);
  return made;
}
