/* From what the eye shall see to what the two channels must give. */
#include "light.h"

#include "tables.h"

static uint32_t share_of_warm(uint32_t kelvin);

Duty light_duty(Light light) {
  const uint32_t level = light.level < LEVEL_MAX ? light.level : LEVEL_MAX;
  const uint32_t total = lightness_to_duty[level];
  uint32_t warm = total * share_of_warm(light.kelvin) / 65535u;

  /* A channel below the least steady duty would flicker, so the stronger one takes its part. */
  const uint32_t weaker = warm < total - warm ? warm : total - warm;
  if (weaker < DUTY_MIN) warm = weaker == warm ? 0 : total;
  return (Duty){.warm = (uint16_t)warm, .cool = (uint16_t)(total - warm)};
}

static uint32_t share_of_warm(uint32_t kelvin) {
  if (kelvin <= KELVIN_WARM) return warm_share[0];
  if (kelvin >= KELVIN_COOL) return warm_share[WARM_SHARE_POINTS - 1];
  const uint32_t above = kelvin - KELVIN_WARM;
  const uint32_t point = above / KELVIN_STEP;
  const uint32_t rest = above % KELVIN_STEP;
  /* The share falls as the temperature rises. */
  const uint32_t fall = (uint32_t)(warm_share[point] - warm_share[point + 1]);
  return warm_share[point] - fall * rest / KELVIN_STEP;
}
