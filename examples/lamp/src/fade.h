/* The dimmer: it moves the whole lamp's level evenly to a target. */
#ifndef FADE_H
#define FADE_H

#include <stdbool.h>
#include <stdint.h>

void fade_to(uint16_t target, uint32_t centiseconds);
/* To be called every hundredth of a second; gives the level for it. */
uint16_t fade_step(void);
uint16_t fade_level(void);
bool fade_running(void);

#endif
