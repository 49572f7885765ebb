/** What a file system shall know of a component (draft-ietf-suit-update-management-14 §4.6). */

import type { Infer, Item, Schema } from '@lapel/cbor';
import { CborError, Tagged, item, map, named, optional, tagged, uint } from '@lapel/cbor';

export const fileTypes = { regular: 1, directory: 2, 'symbolic-link': 3 } as const;

/** From traversing (bit 0) to writing extended attributes (bit 13). */
const permissionsMax = 0x3fff;
const uuidTag = 37;

const Permissions = checked(uint, (value) =>
  value <= permissionsMax ? undefined : `expected the 14 bits of permissions, found ${value}`,
);

/** §4.6.1: a name, a number, bytes or a tagged UUID: whatever the device's system calls its users. */
const Actor = checked(item, (value) =>
  isActor(value) ? undefined : 'expected an actor, found another item',
);

const PermissionsByActor = checked(item, (value) => {
  const isMap = value instanceof Map && value.size > 0;
  const pairs: readonly (readonly [Item, Item])[] = isMap ? [...value] : [];
  const fits = pairs.every(([actor, bits]) => isActor(actor) && isPermissions(bits));
  return isMap && fits ? undefined : 'expected permissions by actor, found another item';
});

const Time = tagged(1, uint);

/** Set before the component is written, fetched or copied; that command applies it. */
export const ComponentMetadata = map({
  defaultPermissions: optional(1, Permissions),
  userPermissions: optional(2, PermissionsByActor),
  groupPermissions: optional(3, PermissionsByActor),
  rolePermissions: optional(4, PermissionsByActor),
  fileType: optional(5, named('file type', fileTypes)),
  modificationTime: optional(6, Time),
  creationTime: optional(7, Time),
  creator: optional(8, Actor),
});
export type ComponentMetadata = Infer<typeof ComponentMetadata>;

const isPermissions = (value: Item) => typeof value === 'number' && value >= 0 && value <= permissionsMax;

function isActor(value: Item): boolean {
  if (value instanceof Tagged) return value.tag === uuidTag && value.content instanceof Uint8Array;
  return value instanceof Uint8Array || ['string', 'number', 'bigint'].includes(typeof value);
}

function checked<T>(schema: Schema<T>, complaint: (value: T) => string | undefined): Schema<T> {
  return {
    read(r) {
      const start = r.at;
      const value = schema.read(r);
      const found = complaint(value);
      if (found !== undefined) throw new CborError(found, start);
      return value;
    },
    write: (w, value) => schema.write(w, value),
  };
}
