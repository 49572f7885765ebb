/** What a file system shall know of a component (draft-ietf-suit-update-management-14 §4.6), as described. */

import { unhex } from '@lapel/cbor';
import { fileTypes, uuidBytes } from '@lapel/suit';
import { isForPeople, moment, nameLengthMax, uuidPattern } from './common-shapes.ts';
import type { ActorDescription, MetadataDescription, PermissionBits } from './description.ts';
import { fields, optional, told } from './fields.ts';
import { refusal } from './located.ts';
import type { Shape } from './shape.ts';
import { byKey, choice, list, listOr, mapped, named, seenAs, text, uint } from './shape.ts';

/** §4.6.3, from bit 0 on. */
const permissionNames = [
  'traverse_exec',
  'create_write',
  'list_read',
  'createdir_append',
  'read_attr',
  'read_perm',
  'change_perm',
  'change_owner',
  'write_attr',
  'recurse_delete',
  'delete',
  'sync',
  'read_attr_ex',
  'write_attr_ex',
] as const;
const permissionsMax = 2 ** permissionNames.length - 1;
const actorsMax = 64;

const permissions: Shape<PermissionBits> = named(
  'permissions',
  listOr(
    mapped(list(choice(permissionNames), { min: 0, max: permissionNames.length }), (names) =>
      names.reduce((bits, name) => bits | (1 << permissionNames.indexOf(name)), 0),
    ),
    mapped(seenAs(uint, { maximum: permissionsMax }), (bits, located) => {
      if (bits <= permissionsMax) return bits;
      throw refusal(located, `expected ${located.name} to be at most ${permissionsMax}, found ${bits}`);
    }),
  ),
);

/** A number, a UUID, bytes as `h'00ff'`, or a name. */
const actor: Shape<ActorDescription> = named(
  'actor',
  mapped(text(nameLengthMax), (value, located) => {
    if (/^\d{1,15}$/.test(value)) return Number(value);
    if (uuidPattern.test(value)) return { uuid: uuidBytes(value) ?? new Uint8Array() };
    const bytes = unhex(/^h'(?<digits>.*)'$/.exec(value)?.groups?.['digits'] ?? '-');
    if (bytes !== undefined) return { bytes };
    if (isForPeople(value)) return value;
    throw refusal(located, `expected ${located.name} without control characters, found some`);
  }),
);

const byActor = byKey(actor, permissions, actorsMax);

export const metadata: Shape<MetadataDescription> = mapped(
  fields('metadata', {
    permissions: optional('What everybody may do: names of permissions, or their bits.', permissions),
    users: optional('What each of these users may do.', byActor),
    groups: optional('What each of these groups may do.', byActor),
    roles: optional('What each of these roles may do.', byActor),
    fileType: optional('What kind of file it becomes.', choice(Object.keys(fileTypes) as FileType[])),
    modified: optional('When it was changed last.', moment),
    created: optional('When it was made.', moment),
    creator: optional('Who made it: a name, a number or a UUID.', actor),
  }),
  ({ value, whole }) => {
    const described = told({
      defaultPermissions: value.permissions,
      userPermissions: value.users,
      groupPermissions: value.groups,
      rolePermissions: value.roles,
      fileType: value.fileType,
      modificationTime: value.modified,
      creationTime: value.created,
      creator: value.creator,
    });
    if (Object.keys(described).length > 0) return described;
    throw refusal(whole, 'expected one or more keys in metadata, found none');
  },
);

type FileType = keyof typeof fileTypes;
