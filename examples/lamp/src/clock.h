/* The time of day. The lamp has no battery: it knows the time only once somebody has told it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define MINUTES_PER_DAY 1440u

void clock_step(void);
void clock_set(uint32_t minute);
bool clock_known(void);
uint32_t clock_seconds(void);

#endif
