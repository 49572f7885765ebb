/* The dimmer: straight from the level where the last fade was to end, to the new target. */
#include "fade.h"

static uint16_t start;
static uint16_t target;
static uint32_t elapsed;
static uint32_t duration;

static uint16_t level_after(uint32_t centiseconds);

void fade_to(uint16_t level, uint32_t centiseconds) {
  start = target;
  target = level;
  elapsed = 0;
  duration = centiseconds;
}

uint16_t fade_step(void) {
  if (elapsed < duration) elapsed++;
  return fade_level();
}

uint16_t fade_level(void) { return level_after(elapsed); }

bool fade_running(void) { return elapsed < duration; }

/* Levels have 10 bits and an hour has 360000 hundredths, 19 bits: the product fits into an int32_t. */
static uint16_t level_after(uint32_t centiseconds) {
  if (centiseconds >= duration) return target;
  const int32_t way = (int32_t)target - (int32_t)start;
  return (uint16_t)((int32_t)start + way * (int32_t)centiseconds / (int32_t)duration);
}
