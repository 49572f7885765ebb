/** What the operators' API takes of the ways into the fleet: see questions.ts. */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Name, Uuid, closed } from './questions.ts';

const classesMax = 16;
/** One certificate of at most 4 KiB of DER in PEM has less. */
const pemLengthMax = 8192;

export const ManufacturerBody = Type.Object(
  {
    name: Name,
    certificate: Type.String({ maxLength: pemLengthMax, description: 'PEM, or DER in hexadecimal' }),
    vendor: Uuid,
    classes: Type.Array(Uuid, {
      minItems: 1,
      maxItems: classesMax,
      uniqueItems: true,
      description: 'where there are several, the OU of a device’s certificate is the UUID of its class',
    }),
  },
  closed,
);
export type ManufacturerBody = Static<typeof ManufacturerBody>;

/** RFC 5280 §4.1.2.2: a serial number has at most 20 octets. */
const Serial = Type.String({ pattern: '^[0-9A-Fa-f]{1,2}(:?[0-9A-Fa-f]{1,2}){0,19}$' });
export const RevocationBody = Type.Object(
  { serials: Type.Array(Serial, { minItems: 1, maxItems: 100, description: 'in hexadecimal' }) },
  closed,
);
export type RevocationBody = Static<typeof RevocationBody>;

export const EnrolmentTokenBody = Type.Object(
  {
    name: Name,
    vendor: Uuid,
    class: Uuid,
    uses: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
    forMs: Type.Integer({ minimum: 1, maximum: 366 * 24 * 3_600_000, description: 'how long it is valid' }),
  },
  closed,
);
export type EnrolmentTokenBody = Static<typeof EnrolmentTokenBody>;
