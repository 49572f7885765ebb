/**
 * Computes the lamp's tables, so that the firmware needs neither floating point nor trigonometry.
 * Its output is committed: the build needs a C compiler only. Run it with `make tables`.
 */
import { writeFileSync } from 'node:fs';

const dutyMax = 65535;
/** 8000 pulses a second × 820 / 65536 = 100 Hz: below that an eye sees the lamp flicker. */
const dutyMin = 820;
const levelMax = 1023;
const kelvinWarm = 2700;
const kelvinCool = 6500;
const kelvinStep = 50;
const breathPoints = 1024;
const daylightPoints = 288;

writeFileSync(
  new URL('src/tables.c', import.meta.url),
  source('tables.h', [
    {
      comment: 'CIE 1931 lightness to luminance: equal steps of the index are equal steps to the eye.',
      declaration: 'uint16_t lightness_to_duty[LEVEL_MAX + 1]',
      rows: range(levelMax + 1, dutyOfLevel),
    },
    {
      comment: 'One breath: a raised cosine that begins and ends dark.',
      declaration: 'uint16_t breath[BREATH_POINTS]',
      rows: range(breathPoints, breathAt),
    },
    {
      comment: 'The part of the light that the warm channel gives, every 50 K from 2700 K to 6500 K.',
      declaration: 'uint16_t warm_share[WARM_SHARE_POINTS]',
      rows: range((kelvinCool - kelvinWarm) / kelvinStep + 1, (i) => warmShare(kelvinWarm + i * kelvinStep)),
    },
  ]),
);
writeFileSync(
  new URL('releases/1.1.0/daylight.c', import.meta.url),
  source('daylight.h', [
    {
      comment: 'The light of an equinox day at 48° north, every five minutes from midnight.',
      declaration: 'Light daylight[DAYLIGHT_POINTS]',
      rows: range(daylightPoints, daylightAt),
    },
  ]),
);

interface Table {
  readonly comment: string;
  readonly declaration: string;
  readonly rows: readonly string[];
}

function source(header: string, tables: readonly Table[]): string {
  const bodies = tables.map(
    ({ comment, declaration, rows }) => `/* ${comment} */\nconst ${declaration} = {\n${wrap(rows)}\n};\n`,
  );
  return `/* Written by tables.ts; change it there. */\n#include "${header}"\n\n${bodies.join('\n')}`;
}

/** Colours mix evenly over the reciprocal of their temperature (mired), not over the temperature. */
function warmShare(kelvin: number): number {
  return Math.round((dutyMax * (1 / kelvin - 1 / kelvinCool)) / (1 / kelvinWarm - 1 / kelvinCool));
}

function dutyOfLevel(level: number): number {
  if (level === 0) return 0;
  const lightness = (100 * level) / levelMax;
  const luminance = lightness <= 8 ? lightness / 903.3 : ((lightness + 16) / 116) ** 3;
  return Math.round(dutyMin + (dutyMax - dutyMin) * luminance);
}

/** Folded at its middle, so that rounding can't make the two halves differ: the self-test compares them. */
function breathAt(point: number): number {
  const angle = (2 * Math.PI * Math.min(point, breathPoints - point)) / breathPoints;
  return Math.round((levelMax * (1 - Math.cos(angle))) / 2);
}

function daylightAt(point: number): string {
  const hourAngle = 2 * Math.PI * (point / daylightPoints - 0.5);
  // At an equinox the sine of the sun's height is this cosine times that of the latitude, which cancels out.
  const sun = Math.max(0, Math.cos(hourAngle));
  const level = Math.round(20 + (levelMax - 20) * Math.sqrt(sun));
  return `{${level}, ${Math.round(kelvinWarm + (kelvinCool - kelvinWarm) * sun)}}`;
}

function range(count: number, value: (index: number) => number | string): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(value(index)));
}

function wrap(rows: readonly string[]): string {
  const lines: string[] = [];
  let line = ' ';
  for (const row of rows) {
    if (line.length + row.length + 2 > 108) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${row},`;
  }
  return [...lines, line].join('\n');
}
