/*
 * The board has no PWM unit for its LEDs, so the interrupt modulates them itself: first-order sigma-delta,
 * which spreads the pulses evenly and so flickers less than a PWM of the same rate.
 */
#include "heartbeat.h"

#include "board.h"

#define PULSES_HZ 8000u
#define PULSES_PER_CENTISECOND (PULSES_HZ / 100u)

/* One word, so that the interrupt never sees the warm part of one light and the cool part of another. */
static volatile uint32_t shown;
static volatile uint32_t centiseconds;

void heartbeat_start(void) {
  SYSTICK_RELOAD = CLOCK_HZ / PULSES_HZ - 1u;
  SYSTICK_CURRENT = 0;
  SYSTICK_CTRL = SYSTICK_CTRL_ENABLE | SYSTICK_CTRL_INTERRUPT | SYSTICK_CTRL_CORE_CLOCK;
}

void heartbeat_interrupt(void) {
  static uint32_t warm_error, cool_error, pulses;
  const uint32_t duty = shown;

  /* The carry out of 16 bits is the pulse; what remains is owed to the next one. */
  warm_error = (warm_error & 0xFFFFu) + (duty >> 16);
  cool_error = (cool_error & 0xFFFFu) + (duty & 0xFFFFu);
  LEDS = (warm_error >> 16 ? LED_WARM : 0u) | (cool_error >> 16 ? LED_COOL : 0u);

  if (++pulses == PULSES_PER_CENTISECOND) {
    pulses = 0;
    centiseconds++;
  }
}

void heartbeat_show(Duty duty) { shown = (uint32_t)duty.warm << 16 | duty.cool; }

uint32_t heartbeat_centiseconds(void) { return centiseconds; }
