/** What stands out of a device, for people who look at many. */
import type { DeviceView } from '../fleet.ts';

/** What an operator should notice of a device; nothing of one that does what it should. */
export function remarksOn({ lastError, inventory }: DeviceView): readonly string[] {
  const { suspicion, refused = [], downtimeMs = 0, expectedDowntimeMs = downtimeMs } = inventory ?? {};
  return [
    ...(suspicion === undefined ? [] : [suspicion]),
    ...(inventory?.frozenSinceMs === undefined ? [] : ['it says that it may be kept in the past']),
    ...(lastError === undefined ? [] : [lastError]),
    ...refused.map(({ slot, because }) => `slot ${slot} was not started: ${because}`),
    ...(downtimeMs > expectedDowntimeMs
      ? [`the last update took ${downtimeMs} ms of service, expected ${expectedDowntimeMs} ms`]
      : []),
  ];
}
