/* Constants that tables.ts computes. */
#ifndef TABLES_H
#define TABLES_H

#include "light.h"

/* The least duty above dark: 100 pulses a second, which no eye sees. */
#define DUTY_MIN 820u
#define BREATH_POINTS 1024u
#define KELVIN_STEP 50u
#define WARM_SHARE_POINTS ((KELVIN_COOL - KELVIN_WARM) / KELVIN_STEP + 1u)

extern const uint16_t lightness_to_duty[LEVEL_MAX + 1u];
extern const uint16_t breath[BREATH_POINTS];
extern const uint16_t warm_share[WARM_SHARE_POINTS];

#endif
