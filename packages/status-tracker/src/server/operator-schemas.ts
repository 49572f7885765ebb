/**
 * What the operators' API takes, as JSON schemas that Fastify validates, and as the types that they stand
 * for.
 */
import { memberStatuses } from './fleet.ts';
import type { MemberStatus } from './fleet.ts';
import type { Page, Role } from './store.ts';
import { roleNames } from './store.ts';

const pageProperties = {
  after: { type: 'string', maxLength: 64 },
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
} as const;

export const page = { type: 'object', additionalProperties: false, properties: pageProperties } as const;

export type MembersQuery = Page & { readonly status?: MemberStatus };
export const members = {
  type: 'object',
  additionalProperties: false,
  properties: { ...pageProperties, status: { enum: memberStatuses } },
} as const;

export interface ProvisionBody {
  readonly id: string;
  /** PEM, or a COSE_Key in hexadecimal. */
  readonly publicKey: string;
  readonly vendor: string;
  readonly class: string;
}
const uuid = { type: 'string', minLength: 32, maxLength: 36 } as const;
export const provision = {
  type: 'object',
  additionalProperties: false,
  required: ['id', 'publicKey', 'vendor', 'class'],
  properties: {
    id: { type: 'string', maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' },
    publicKey: { type: 'string', maxLength: 4096 },
    vendor: uuid,
    class: uuid,
  },
} as const;

export interface TokenBody {
  readonly name: string;
  readonly roles: readonly Role[];
}
export const token = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'roles'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 64, pattern: '^[^\\s\\p{C}]+$' },
    roles: {
      type: 'array',
      minItems: 1,
      maxItems: roleNames.length,
      uniqueItems: true,
      items: { enum: roleNames },
    },
  },
} as const;
