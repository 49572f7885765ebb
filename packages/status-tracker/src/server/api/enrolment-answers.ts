/** What the operators' API answers of the ways into the fleet: see answers.ts. */
import { Type } from 'typebox';
import { Count, Ms, Uuid, Words } from './answers.ts';

export const Manufacturer = Type.Object({
  name: Type.String(),
  vendor: Uuid,
  classes: Type.Array(Uuid),
  subject: Words,
  fingerprint: Type.String({ description: 'the SHA-256 of its certificate' }),
  notAfterMs: Ms,
  revoked: Type.Array(Type.String({ description: 'a serial number in hexadecimal' })),
  createdMs: Ms,
});
export const Manufacturers = Type.Array(Manufacturer);
export const Revoked = Type.Object({ frozen: Type.Array(Type.String({ description: 'a device' })) });

export const EnrolmentToken = Type.Object({
  name: Type.String(),
  vendor: Uuid,
  class: Uuid,
  uses: Count,
  used: Count,
  expiresMs: Ms,
  createdMs: Ms,
});
export const EnrolmentTokens = Type.Array(EnrolmentToken);
export const MadeToken = Type.Object({
  ...EnrolmentToken.properties,
  token: Type.String({ description: 'shown once and kept by nobody but who asked' }),
});
