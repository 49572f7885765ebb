/* The course of a day's light, new in 1.1.0. */
#ifndef DAYLIGHT_H
#define DAYLIGHT_H

#include "light.h"

#define DAYLIGHT_POINTS 288u
#define DAYLIGHT_POINT_SECONDS (86400u / DAYLIGHT_POINTS)

extern const Light daylight[DAYLIGHT_POINTS];

#endif
