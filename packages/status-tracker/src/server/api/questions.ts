/** What the operators' API takes: JSON schemas that Fastify holds every request against, and their types. */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { queryTextMax } from '../../policy/query-text.ts';
import { approvals, memberStatuses } from '../fleet.ts';
import { roleNames } from '../store.ts';
import { tagNameForm, tagValueMax, tagsMax } from '../tags.ts';

export const closed = { additionalProperties: false } as const;
export const Uuid = Type.String({
  minLength: 32,
  maxLength: 36,
  description: 'RFC 9562, with hyphens or without',
});
const deviceId = '^[A-Za-z0-9][A-Za-z0-9._-]*$';

const page = {
  after: Type.Optional(Type.String({ maxLength: 64, description: 'the last id of the page before' })),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
};
export const DevicesQuery = Type.Object(
  {
    ...page,
    approval: Type.Optional(Type.Enum([...approvals])),
    where: Type.Optional(
      Type.String({ maxLength: queryTextMax, description: 'a query; a page may hold fewer devices then' }),
    ),
  },
  closed,
);
export type DevicesQuery = Static<typeof DevicesQuery>;

export const MembersQuery = Type.Object(
  { ...page, status: Type.Optional(Type.Enum([...memberStatuses])) },
  closed,
);
export type MembersQuery = Static<typeof MembersQuery>;

/** As people write it in one line. */
export const BecauseBody = Type.Object(
  { because: Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\p{C}]+$' }) },
  closed,
);
export type BecauseBody = Static<typeof BecauseBody>;

export const TagsBody = Type.Object(
  {
    devices: Type.Array(Type.String({ maxLength: 64, pattern: deviceId }), {
      minItems: 1,
      maxItems: 1000,
      uniqueItems: true,
    }),
    set: Type.Record(
      Type.String({ pattern: tagNameForm }),
      Type.String({ minLength: 1, maxLength: tagValueMax, pattern: '^[^\\p{C}]+$' }),
      { maxProperties: tagsMax, default: {}, additionalProperties: false },
    ),
    remove: Type.Array(Type.String({ pattern: tagNameForm }), { maxItems: tagsMax, default: [] }),
  },
  closed,
);
export type TagsBody = Static<typeof TagsBody>;

const hexOf = (min: number, max: number, description: string) =>
  Type.String({ pattern: `^([0-9a-f]{2}){${min},${max}}$`, description });

/** RFC 8613 §3.2, in hexadecimal and from the device's side. */
export const Oscore = Type.Object(
  {
    masterSecret: hexOf(16, 64, 'what device and servers share'),
    masterSalt: Type.Optional(hexOf(1, 64, 'what else goes into the keys')),
    idContext: Type.Optional(hexOf(1, 64, 'tells it apart where the sender id does not')),
    senderId: hexOf(0, 7, 'what the device calls itself in requests'),
    recipientId: hexOf(0, 7, 'what its servers send under'),
  },
  closed,
);

export type Oscore = Static<typeof Oscore>;

export const ProvisionBody = Type.Object(
  {
    id: Type.String({ maxLength: 64, pattern: deviceId }),
    publicKey: Type.String({ maxLength: 4096, description: 'PEM, or a COSE_Key in hexadecimal' }),
    vendor: Uuid,
    class: Uuid,
    oscore: Type.Optional(Oscore),
  },
  closed,
);
export type ProvisionBody = Static<typeof ProvisionBody>;

export const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\s\\p{C}]+$' });

export const TokenBody = Type.Object(
  {
    name: Name,
    roles: Type.Array(Type.Enum([...roleNames]), {
      minItems: 1,
      maxItems: roleNames.length,
      uniqueItems: true,
    }),
  },
  closed,
);
export type TokenBody = Static<typeof TokenBody>;

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const logPage = { from: Type.Integer({ minimum: 0, default: 0 }), limit: page.limit };
export const LogQuery = Type.Object(logPage, closed);
export type LogQuery = Static<typeof LogQuery>;

export const InclusionQuery = Type.Object(
  {
    entry: Type.String({ pattern: '^([0-9a-f]{2}){1,128}$', description: 'as the log has it' }),
    size: Count,
  },
  closed,
);
export type InclusionQuery = Static<typeof InclusionQuery>;

export const ConsistencyQuery = Type.Object({ from: Count, size: Count }, closed);
export type ConsistencyQuery = Static<typeof ConsistencyQuery>;
