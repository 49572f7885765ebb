/* SysTick: the pulses of the two channels, and the count of hundredths of a second. */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include "light.h"

void heartbeat_start(void);
void heartbeat_interrupt(void);
void heartbeat_show(Duty duty);
/* Wraps after 497 days; callers take differences only. */
uint32_t heartbeat_centiseconds(void);

#endif
