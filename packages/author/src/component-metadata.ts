/** Described metadata of a component as the manifest has it (draft-ietf-suit-update-management-14 §4.6). */

import type { Item } from '@lapel/cbor';
import { Tagged } from '@lapel/cbor';
import type { ComponentMetadata } from '@lapel/suit';
import type { ActorDescription, MetadataDescription, PermissionBits } from './description.ts';
import { told } from './fields.ts';

const uuidTag = 37;

export const metadataOf = ({
  userPermissions,
  groupPermissions,
  rolePermissions,
  creator,
  ...same
}: MetadataDescription): ComponentMetadata => ({
  ...same,
  ...told({
    userPermissions: byActor(userPermissions),
    groupPermissions: byActor(groupPermissions),
    rolePermissions: byActor(rolePermissions),
    creator: creator === undefined ? undefined : actorOf(creator),
  }),
});

const byActor = (
  pairs: readonly (readonly [ActorDescription, PermissionBits])[] | undefined,
): ReadonlyMap<Item, Item> | undefined =>
  pairs === undefined ? undefined : new Map(pairs.map(([actor, bits]) => [actorOf(actor), bits]));

function actorOf(actor: ActorDescription): Item {
  if (typeof actor !== 'object') return actor;
  return 'uuid' in actor ? new Tagged(uuidTag, actor.uuid) : actor.bytes;
}
