/* What a lamp shows: how light it seems to an eye, and how warm. */
#ifndef LIGHT_H
#define LIGHT_H

#include <stdint.h>

#define LEVEL_MAX 1023u
#define KELVIN_WARM 2700u
#define KELVIN_COOL 6500u

typedef struct {
  uint16_t level;  /* 0 is dark, LEVEL_MAX is full; equal steps look equal */
  uint16_t kelvin; /* KELVIN_WARM to KELVIN_COOL */
} Light;

/* What the two channels must give for it, each of 65536 parts. */
typedef struct {
  uint16_t warm;
  uint16_t cool;
} Duty;

Duty light_duty(Light light);

#endif
