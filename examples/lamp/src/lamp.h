/* The lamp: a programme seen through the dimmer, and an alarm that can start one. */
#ifndef LAMP_H
#define LAMP_H

#include <stdbool.h>

#include "programmes.h"

#define WAKE_NEVER 0xFFFFFFFFu

void lamp_step(void);
/* False when this release has no programme of that name. */
bool lamp_play(const char *name);
const Programme *lamp_programme(void);
Light lamp_light(void);
void lamp_wake_at(uint32_t minute);
uint32_t lamp_wake_minute(void);

#endif
