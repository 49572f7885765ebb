/* The five light programmes of 1.1.0; daylight is new. The first is the one that a lamp starts with. */
#include "programmes.h"

#include "clock.h"
#include "daylight.h"
#include "tables.h"

#define BREATH_CENTISECONDS 600u
#define SUNRISE_CENTISECONDS 180000u

static Light steady(uint32_t centiseconds);
static Light breathe(uint32_t centiseconds);
static Light candle(uint32_t centiseconds);
static Light sunrise(uint32_t centiseconds);
static Light at_hour(uint32_t centiseconds);

const Programme programmes[] = {
    {"steady", "an even warm white", steady},
    {"breathe", "swells and ebbs every six seconds", breathe},
    {"candle", "flickers like a flame in a draught", candle},
    {"sunrise", "from dark and warm to a bright morning in half an hour", sunrise},
    {"daylight", "brightness and colour of the sun at this hour", at_hour},
};
const size_t programme_count = sizeof programmes / sizeof programmes[0];

static uint32_t noise(void);
static uint16_t between(uint16_t from, uint16_t to, uint32_t seconds);

static Light steady(uint32_t centiseconds) {
  (void)centiseconds;
  return (Light){.level = LEVEL_MAX, .kelvin = 3000};
}

static Light breathe(uint32_t centiseconds) {
  const uint32_t point = centiseconds % BREATH_CENTISECONDS * BREATH_POINTS / BREATH_CENTISECONDS;
  return (Light){.level = breath[point], .kelvin = 3200};
}

/* The flame leans towards a new height a few times a second, and follows it with the inertia of hot gas. */
static Light candle(uint32_t centiseconds) {
  static uint32_t height = 700, aim = 700, until;
  if (centiseconds == 0) until = 0;
  if (centiseconds >= until) {
    until = centiseconds + 6 + noise() % 24;
    /* Draughts are rare and deep, the flame's own unrest is steady and small. */
    aim = noise() % 8 == 0 ? 350 + noise() % 300 : 750 + noise() % 250;
  }
  height = (height * 7 + aim) / 8;
  return (Light){.level = (uint16_t)height, .kelvin = (uint16_t)(KELVIN_WARM + height / 8)};
}

static Light sunrise(uint32_t centiseconds) {
  const uint32_t done = centiseconds < SUNRISE_CENTISECONDS ? centiseconds : SUNRISE_CENTISECONDS;
  /* Colour lags behind the light, as it does outdoors. */
  const uint32_t level = done / 100u * LEVEL_MAX / (SUNRISE_CENTISECONDS / 100u);
  const uint32_t kelvin = KELVIN_WARM + level * level / LEVEL_MAX * (5500u - KELVIN_WARM) / LEVEL_MAX;
  return (Light){.level = (uint16_t)level, .kelvin = (uint16_t)kelvin};
}

/* Follows the clock; until somebody has set that, it is noon. */
static Light at_hour(uint32_t centiseconds) {
  (void)centiseconds;
  const uint32_t second = clock_known() ? clock_seconds() : 12u * 3600u;
  const Light from = daylight[second / DAYLIGHT_POINT_SECONDS];
  const Light to = daylight[(second / DAYLIGHT_POINT_SECONDS + 1u) % DAYLIGHT_POINTS];
  const uint32_t rest = second % DAYLIGHT_POINT_SECONDS;
  const uint16_t level = between(from.level, to.level, rest);
  return (Light){.level = level, .kelvin = between(from.kelvin, to.kelvin, rest)};
}

static uint16_t between(uint16_t from, uint16_t to, uint32_t seconds) {
  const int32_t way = (int32_t)to - (int32_t)from;
  return (uint16_t)((int32_t)from + way * (int32_t)seconds / (int32_t)DAYLIGHT_POINT_SECONDS);
}

/* A 32-bit Galois register with the full period; light needs no better chance. */
static uint32_t noise(void) {
  static uint32_t state = 0xACE1u;
  for (int bit = 0; bit < 8; bit++) state = state >> 1 ^ (state & 1u ? 0xA3000000u : 0u);
  return state & 0xFFFFu;
}
