/* Who this firmware is. Readers find the block at offset 0xC0 of the image; README.md documents it. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdint.h>

typedef struct {
  char magic[8];
  uint32_t image_size;
  uint8_t version[4]; /* major, minor, patch, 0: comparable without a parser */
  char vendor[32];
  char model[16];
  char version_text[16];
} Identity;

_Static_assert(sizeof(Identity) == 80, "expected the documented layout of the identification block");

extern const Identity identity;

#endif
