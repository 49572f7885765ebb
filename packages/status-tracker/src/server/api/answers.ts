/**
 * What the operators' API answers: JSON schemas by which Fastify writes every answer, so that nothing is sent
 * that they don't name, and the types that as-json.ts must fill. Times are milliseconds since 1970, digests
 * hexadecimal.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { approvals, memberStatuses } from '../fleet.ts';
import { roleNames } from '../store.ts';

export const Ms = Type.Integer({ description: 'milliseconds since 1970' });
export const Count = Type.Integer({ minimum: 0 });
const Hex = Type.String({ pattern: '^([0-9a-f]{2})*$' });
export const Uuid = Type.String({ description: 'RFC 9562' });
export const Words = Type.String({ description: 'for people' });
const optional = Type.Optional;

export const Member = Type.Object({
  campaign: Type.String(),
  device: Type.String(),
  status: Type.Enum([...memberStatuses]),
  generation: Count,
  changedMs: Ms,
  because: optional(Words),
  offer: optional(
    Type.Object({
      nonce: Type.String({ description: 'in hexadecimal; a report on the offer repeats it' }),
      expiresMs: Ms,
    }),
  ),
});

const Component = Type.Object({
  component: Type.String({ description: 'its identifier, segments in hexadecimal' }),
  sequenceNumber: Count,
  manifestDigest: Hex,
  version: optional(Type.String()),
  slot: optional(Count),
  imageDigest: optional(Hex),
  imageBytes: optional(Count),
  onTrial: optional(Type.Boolean()),
});

/** As the device said it when it registered. */
const Terms = Type.Object({
  transports: Type.Array(Type.String()),
  manifestVersions: Type.Array(Count),
  reachability: Type.String(),
  reachableMs: optional(Count),
  everyMs: optional(Count),
  timeZone: optional(Type.String()),
  mayOverride: optional(Type.Boolean()),
});
const Characteristics = Type.Object({
  hardware: Type.String(),
  freeMemoryBytes: Count,
  freeFlashBytes: Count,
  capabilities: optional(Hex),
});

export const Device = Type.Object({
  id: Type.String(),
  fingerprint: Type.String({ description: 'the SHA-256 thumbprint of its key (RFC 9679)' }),
  vendor: Uuid,
  class: Uuid,
  approval: Type.Enum([...approvals]),
  admittedBy: optional(Words),
  starts: optional(Count),
  tags: optional(Type.Record(Type.String(), Type.String())),
  updateMode: Type.String(),
  terms: optional(Terms),
  characteristics: optional(Characteristics),
  state: Type.String(),
  version: Type.String({ description: 'what it runs, in its own words' }),
  imageBytesMax: optional(Count),
  bootReason: optional(Words),
  bootVerified: optional(Type.String()),
  rollbackProtection: optional(Type.String()),
  loaderDigest: optional(Hex),
  refused: optional(Type.Array(Type.Object({ slot: Count, because: Words }))),
  downtimeMs: optional(Count),
  expectedDowntimeMs: optional(Count),
  suspicion: optional(Words),
  newestSequenceNumber: optional(Count),
  frozenSinceMs: optional(Ms),
  batteryMilliwattHours: optional(Count),
  components: optional(Type.Array(Component)),
  createdMs: Ms,
  lastSeenMs: optional(Ms),
  lastError: optional(Words),
  campaign: optional(Member),
});

export const ExplainedDevice = Type.Object({ ...Device.properties, explanation: Words, evidence: Words });

const next = optional(Type.String({ description: 'for `after` of the next page; absent on the last' }));
export const Devices = Type.Object({ devices: Type.Array(Device), next });
export const Members = Type.Object({ members: Type.Array(Member), next });

const Totals = Type.Object({
  addressed: Count,
  waiting: Count,
  inFlight: Count,
  confirmed: Count,
  failed: Count,
  reverted: Count,
  givenUp: Count,
  unfit: Count,
});

export const Campaign = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: Type.String(),
  because: optional(Words),
  manifestDigest: Hex,
  sequenceNumber: Count,
  vendor: Uuid,
  class: Uuid,
  waves: Type.Array(Count),
  inFlightMax: Count,
  failureRateMax: Count,
  silenceMsMax: Count,
  predicate: optional(Type.String({ description: 'which devices of the class are meant' })),
  urgency: Type.String(),
  urgencyBecause: Words,
  wave: Type.Integer({ description: 'the one that is open, from 1' }),
  approvals: Count,
  approvalsNeeded: Count,
  deadlineMs: optional(Ms),
  createdMs: Ms,
  expiresMs: Ms,
  acceptedMs: Ms,
  actor: Type.String(),
  generation: Count,
  orderNumber: Count,
  signed: optional(
    Type.String({ description: 'in hex, as its operator signed it; where one campaign is asked for' }),
  ),
  totals: Totals,
});
export const Campaigns = Type.Array(Campaign);

export const Tagged = Type.Object({ devices: Type.Array(Type.String()) });

export const DryRun = Type.Object({
  id: Type.String(),
  name: Type.String(),
  steps: Type.Array(Words),
  meant: Count,
  fitting: Count,
  done: Count,
  notMeant: Count,
  unknown: Count,
  unfit: Type.Array(Type.Object({ device: Type.String(), because: Words })),
  unfitCount: Count,
});

export const Patched = Type.Object({
  campaign: Type.String(),
  startedMs: Ms,
  deadlineMs: optional(Ms),
  devices: Count,
  patched: Count,
  toPercentMs: Type.Object({ '50': optional(Count), '90': optional(Count), '99': optional(Count) }),
  exposedDeviceHours: Type.Number(),
  lateDeviceHours: optional(Type.Number()),
  curve: Type.Array(Type.Object({ afterMs: Count, patched: Count })),
  plot: Type.String({ description: 'the curve for people, as lines of text' }),
});

const Step = Type.Object({
  do: Type.Enum(['offer', 'give-up', 'wait', 'open', 'halt', 'complete']),
  device: optional(Type.String()),
  untilMs: optional(Ms),
  wave: optional(Count),
  because: optional(Words),
});
export const Plan = Type.Object({ totals: Type.Omit(Totals, ['addressed']), steps: Type.Array(Step) });

export const Evidence = Type.Object({
  kind: Type.Enum(['check-in', 'report']),
  atMs: Ms,
  device: Type.String(),
  campaign: optional(Type.String()),
  outcome: Type.String(),
  replay: optional(
    Type.Object({
      end: Type.Enum(['plausible', 'not-replayed', 'contradicted']),
      because: optional(Words),
    }),
  ),
  signed: Hex,
});
export const AllEvidence = Type.Array(Evidence);

const auditEntry = {
  actor: Type.String(),
  atMs: Ms,
  act: Type.String(),
  subject: Type.String(),
  detail: optional(Type.String()),
};
export const Audit = Type.Array(Type.Object(auditEntry));
export const AuditChain = Type.Object({
  entries: Type.Array(
    Type.Object({
      ...auditEntry,
      number: Type.Integer(),
      roles: Type.String({ description: 'of the actor then, separated by spaces' }),
      hash: Type.String({ description: 'SHA-256 of the hash before it and of the entry as CBOR' }),
    }),
  ),
});

export const Newest = Type.Object({
  vendor: Uuid,
  class: Uuid,
  manifestDigest: Hex,
  sequenceNumber: Count,
  createdMs: Ms,
  expiresMs: Ms,
});
export const AllNewest = Type.Array(Newest);

export const Provisioned = Type.Object({ id: Type.String() });
export const Granted = Type.Object({
  name: Type.String(),
  roles: Type.Array(Type.Enum([...roleNames])),
  token: Type.String({ description: 'shown once and kept by nobody but who asked' }),
});

export const LogEntries = Type.Object({
  entries: Type.Array(Type.Object({ number: Count, entry: Hex, kind: Type.String(), digest: Hex, atMs: Ms })),
});
export const Inclusion = Type.Object({ index: Count, size: Count, proof: Type.Array(Hex) });
export const Consistency = Type.Object({ from: Count, size: Count, proof: Type.Array(Hex) });

/** A value that a schema describes; what is undefined is left out when it is written. */
export type Sent<S> = S extends Type.TSchema ? Loose<Static<S>> : never;
type Loose<T> = T extends readonly (infer E)[]
  ? readonly Loose<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Loose<T[K]> | ({} extends Pick<T, K> ? undefined : never) }
    : T;
