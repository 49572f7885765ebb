/* Joins programme, dimmer, clock and channels, a hundredth of a second at a time. */
#include "lamp.h"

#include "clock.h"
#include "fade.h"
#include "heartbeat.h"
#include "text.h"

#define WAKE_FADE_CENTISECONDS 200u

static const Programme *playing = &programmes[0];
static uint32_t since_start;
static Light light;
static uint32_t wake_minute = WAKE_NEVER;

static void wake_if_due(void);

void lamp_step(void) {
  clock_step();
  wake_if_due();
  light = playing->at(since_start++);
  light.level = (uint16_t)((uint32_t)light.level * fade_step() / LEVEL_MAX);
  heartbeat_show(light_duty(light));
}

bool lamp_play(const char *name) {
  for (size_t i = 0; i < programme_count; i++) {
    if (!text_equal(programmes[i].name, name)) continue;
    playing = &programmes[i];
    since_start = 0;
    return true;
  }
  return false;
}

const Programme *lamp_programme(void) { return playing; }

Light lamp_light(void) { return light; }

void lamp_wake_at(uint32_t minute) { wake_minute = minute; }

uint32_t lamp_wake_minute(void) { return wake_minute; }

static void wake_if_due(void) {
  static uint32_t second_before;
  const uint32_t second = clock_seconds();
  if (second == second_before) return;
  second_before = second;
  /* Only the first second of the minute wakes, so that `off` within that minute stays off. */
  if (!clock_known() || wake_minute == WAKE_NEVER || second != wake_minute * 60u) return;
  if (lamp_play("sunrise")) fade_to(LEVEL_MAX, WAKE_FADE_CENTISECONDS);
}
