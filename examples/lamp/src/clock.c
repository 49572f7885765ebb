/* Counts hundredths of a second up to midnight. */
#include "clock.h"

#define CENTISECONDS_PER_DAY (MINUTES_PER_DAY * 6000u)

static uint32_t now;
static bool known;

void clock_step(void) {
  now++;
  if (now == CENTISECONDS_PER_DAY) now = 0;
}

void clock_set(uint32_t minute) {
  now = minute % MINUTES_PER_DAY * 6000u;
  known = true;
}

bool clock_known(void) { return known; }

uint32_t clock_seconds(void) { return now / 100u; }
