/** What an update waits for (draft-ietf-suit-update-management-14 §4.5), as described. */

import type { WaitEvents } from '@lapel/suit';
import { literal, moment, nameLengthMax, versionMatches } from './common-shapes.ts';
import { fields, optional, required, some, told } from './fields.ts';
import { refusal } from './located.ts';
import type { Shape } from './shape.ts';
import { choice, int, mapped, named, numberOr, pattern, uint } from './shape.ts';

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const daySeconds = 24 * 60 * 60;

const timeOfDay: Shape<number> = named(
  'timeOfDay',
  mapped(
    numberOr(
      uint,
      mapped(
        pattern(/^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/, 'a time such as 02:30', nameLengthMax),
        (value) => {
          const [hours = 0, minutes = 0, seconds = 0] = value.split(':').map(Number);
          return (hours * 60 + minutes) * 60 + seconds;
        },
      ),
    ),
    (seconds, located) => {
      if (seconds < daySeconds) return seconds;
      throw refusal(located, `expected ${located.name} below ${daySeconds} seconds, found ${seconds}`);
    },
  ),
);

const dayOfWeek: Shape<number> = mapped(choice(days), (day) => days.indexOf(day));

const events = {
  authorization: optional('Until the application allows an update of this priority.', int),
  power: optional('Until the power is in this state, a number that the device gives a meaning.', int),
  network: optional('Until the network is in this state, a number that the device gives a meaning.', int),
  otherDevice: optional(
    'Until another device has such a version.',
    fields('otherDevice', {
      id: required('What the other device is called.', literal, 'id: radio'),
      versions: required('One or more of > >= = <= < with a version.', versionMatches, 'versions: ">=1.2"'),
    }),
  ),
  time: optional('Until this time.', moment),
  timeOfDay: optional("Until this time of the day, by the device's own clock.", timeOfDay),
  dayOfWeek: optional("Until this day of the week, by the device's own clock.", dayOfWeek),
  timeOfDayUtc: optional('Until this time of the day, in UTC.', timeOfDay),
  dayOfWeekUtc: optional('Until this day of the week, in UTC.', dayOfWeek),
} as const;
const names = Object.keys(events) as (keyof typeof events)[];

export const waiting: Shape<WaitEvents> = mapped(
  fields('waitFor', events, [
    some(names, `expected one or more of ${names.join(', ')} in waitFor, found none`),
  ]),
  ({ value: { otherDevice, ...rest } }) =>
    told({
      ...rest,
      otherDeviceVersion:
        otherDevice === undefined ? undefined : ([otherDevice.value.id, otherDevice.value.versions] as const),
    }),
);
