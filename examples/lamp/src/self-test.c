/*
 * Finds gross damage: an image for another place, a table with a flipped bit, a stack that ran into the data.
 * That the image is authentic is the boot loader's business, before any of this runs.
 */
#include "self-test.h"

#include <stddef.h>

#include "identity.h"
#include "tables.h"

#define STACK_LEFT_MIN 512u

extern uint8_t bss_end;

const char *self_test(void) {
  const uint8_t here = 0;
  if ((uint32_t)&identity != 0xC0u) return "expected the identification block at 0xC0";
  if ((uint32_t)&here < (uint32_t)&bss_end + STACK_LEFT_MIN) return "expected 512 bytes of stack left";

  for (size_t i = 1; i <= LEVEL_MAX; i++) {
    if (lightness_to_duty[i] < lightness_to_duty[i - 1]) return "expected a rising lightness table";
  }
  for (size_t i = 1; i < BREATH_POINTS; i++) {
    /* The breath is the same backwards. */
    if (breath[i] != breath[BREATH_POINTS - i]) return "expected an even breath table";
  }
  for (size_t i = 1; i < WARM_SHARE_POINTS; i++) {
    if (warm_share[i] >= warm_share[i - 1]) return "expected a falling warm share table";
  }
  return NULL;
}
