/* A light programme: a function from the time since its start to a light. Each release has its own list. */
#ifndef PROGRAMMES_H
#define PROGRAMMES_H

#include <stddef.h>

#include "light.h"

typedef struct {
  const char *name;
  const char *about;
  Light (*at)(uint32_t centiseconds);
} Programme;

extern const Programme programmes[];
extern const size_t programme_count;

#endif
