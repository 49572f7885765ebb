/**
 * Rows of the database and the values that they stand for. What does not fit its column is a bug, and is
 * thrown.
 */
import { array, map, named, optional, bytes, read, required, text as tstr, uint, write } from '@lapel/cbor';
import { peekSigned } from '@lapel/cose';
import { ComponentIdentifier } from '@lapel/suit';
import {
  Answer,
  Campaign,
  Characteristics,
  InstalledComponent,
  RefusedImage,
  Terms,
  bootVerifications,
  componentsMax,
  deviceStates,
  refusedMax,
  rollbackProtections,
  updateModes,
  urgencies,
} from '../protocol.ts';
import type { Judged } from '../policy/urgency.ts';
import type { UpdateMode, Urgency } from '../protocol.ts';
import { approvalsMax } from './campaign-terms.ts';
import type { CampaignState, CampaignView, Progress } from './campaign.ts';
import type {
  DeviceView,
  Inventory,
  Member,
  MemberStatus,
  Speaker,
  Statement,
  Tags,
  Target,
} from './fleet.ts';
import { approvals, memberStatuses } from './fleet.ts';
import type { Row } from './sql.ts';
import type { Replay } from './store.ts';

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`expected text in ${column}, found ${typeof value}`);
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`expected a number in ${column}, found ${typeof value}`);
  return value;
}

export function blob(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array))
    throw new TypeError(`expected bytes in ${column}, found ${typeof value}`);
  return value;
}

/** Whether the column has a value at all. */
export const has = (row: Row, column: string): boolean => row[column] !== null && row[column] !== undefined;

function oneOf<T extends string>(row: Row, column: string, names: readonly T[]): T {
  const found = text(row, column);
  const name = names.find((each) => each === found);
  if (name === undefined)
    throw new TypeError(`expected one of ${names.join(', ')} in ${column}, found ${found}`);
  return name;
}

/** An inventory at rest. */
const StoredInventory = map({
  state: required(1, named('device state', deviceStates)),
  components: required(2, array(InstalledComponent, { max: componentsMax })),
  imageBytesMax: required(3, uint),
  pending: optional(4, bytes(32)),
  bootReason: optional(5, tstr(128)),
  loaderDigest: optional(6, bytes(32)),
  bootVerified: optional(7, named('boot verification', bootVerifications)),
  rollbackProtection: optional(8, named('rollback protection', rollbackProtections)),
  refused: optional(9, array(RefusedImage, { max: refusedMax })),
  downtimeMs: optional(10, uint),
  expectedDowntimeMs: optional(11, uint),
  suspicion: optional(12, tstr(256)),
  serviceLoad: optional(13, uint),
  newestSequenceNumber: optional(14, uint),
  frozenSinceMs: optional(15, uint),
  batteryMilliwattHours: optional(16, uint),
  reportedIn: optional(17, bytes(8)),
});

/** Its time is no key of the rule: it stands in a column of its own. */
export const inventoryBytes = (inventory: Inventory): Uint8Array => write(StoredInventory, inventory);

export const modes = Object.keys(updateModes) as readonly UpdateMode[];
export const modeOf = (row: Row): UpdateMode => oneOf(row, 'update_mode', modes);

export const deviceOf = (row: Row): DeviceView => ({
  ...speakerOf(row),
  createdMs: integer(row, 'created_ms'),
  updateMode: modeOf(row),
  ...admissionOf(row),
  ...saidOf(row),
  ...(has(row, 'last_seen_ms') ? { lastSeenMs: integer(row, 'last_seen_ms') } : {}),
  ...inventoryOf(row),
  ...(has(row, 'last_error') ? { lastError: text(row, 'last_error') } : {}),
});

export function speakerOf(row: Row): Speaker {
  return {
    id: text(row, 'id'),
    publicKey: blob(row, 'public_key'),
    vendor: blob(row, 'vendor'),
    class: blob(row, 'class'),
    approval: oneOf(row, 'approval', approvals),
    ...(has(row, 'starts') ? { starts: integer(row, 'starts') } : {}),
    ...(has(row, 'tags') ? { tags: JSON.parse(text(row, 'tags')) as Tags } : {}),
    ...(has(row, 'token_hash')
      ? {
          session: {
            tokenHash: blob(row, 'token_hash'),
            startedMs: integer(row, 'session_started_ms'),
            counter: integer(row, 'counter'),
          },
        }
      : {}),
  };
}

function admissionOf(row: Row): Pick<DeviceView, 'admission'> {
  if (!has(row, 'admitted_by')) return {};
  const [by, name] = [oneOf(row, 'admitted_by', ['token', 'manufacturer']), text(row, 'admitted_name')];
  return {
    admission: by === 'token' ? { by, name } : { by, name, serial: text(row, 'admitted_serial') },
  };
}

const StoredStatement = map({ terms: optional(1, Terms), characteristics: optional(2, Characteristics) });

export const statementBytes = (statement: Statement): Uint8Array => write(StoredStatement, statement);

export function statementOf(row: Row): { readonly statement?: Statement } {
  return has(row, 'statement') ? { statement: read(StoredStatement, blob(row, 'statement')) } : {};
}

/** What it said as it registered, and last to an offer. */
function saidOf(row: Row): Pick<DeviceView, 'statement' | 'answer'> {
  const signed = has(row, 'answer') ? blob(row, 'answer') : undefined;
  return {
    ...statementOf(row),
    ...(signed === undefined
      ? {}
      : {
          answer: {
            answer: read(Answer, peekSigned(signed).payload),
            atMs: integer(row, 'answered_ms'),
            signed,
          },
        }),
  };
}

export function inventoryOf(row: Row): { readonly inventory?: Inventory } {
  if (!has(row, 'inventory')) return {};
  return {
    inventory: { ...read(StoredInventory, blob(row, 'inventory')), atMs: integer(row, 'inventory_ms') },
  };
}

const replayEnds: readonly Replay['end'][] = ['plausible', 'not-replayed', 'contradicted'];

export function replayOf(row: Row): { readonly replay?: Replay } {
  if (!has(row, 'replay')) return {};
  const end = oneOf(row, 'replay', replayEnds);
  return { replay: end === 'plausible' ? { end } : { end, because: text(row, 'replay_because') } };
}

export const statusOf = (row: Row): MemberStatus => oneOf(row, 'status', memberStatuses);

export function memberOf(row: Row): Member {
  return {
    campaign: text(row, 'campaign'),
    device: text(row, 'device'),
    status: statusOf(row),
    generation: integer(row, 'generation'),
    changedMs: integer(row, 'changed_ms'),
    ...(integer(row, 'not_before_ms') > 0 ? { notBeforeMs: integer(row, 'not_before_ms') } : {}),
    ...becauseOf(row),
    ...(has(row, 'nonce')
      ? {
          offer: {
            nonce: blob(row, 'nonce'),
            offeredMs: integer(row, 'offered_ms'),
            expiresMs: integer(row, 'expires_ms'),
          },
        }
      : {}),
  };
}

const becauseOf = (row: Row): { readonly because?: string } =>
  has(row, 'because') ? { because: text(row, 'because') } : {};

const campaignStates: readonly CampaignState[] = [
  'proposed',
  'running',
  'paused',
  'halted',
  'completed',
  'aborted',
];
const Components = array(ComponentIdentifier, { max: 1024 });

export const componentsBytes = (components: readonly ComponentIdentifier[]): Uint8Array =>
  write(Components, components);

/** How far a campaign is, at rest. */
const StoredProgress = map({
  wave: required(1, uint),
  finished: required(2, uint),
  failed: required(3, uint),
  allowance: required(4, uint),
  allowedMs: required(5, uint),
  person: required(6, tstr(256)),
  approvals: required(
    7,
    array(map({ person: required(1, tstr(256)), signer: required(2, tstr(128)) }), { max: approvalsMax }),
  ),
});

/** Of an offer, thousandths are enough to be fair. */
export const progressBytes = (progress: Progress): Uint8Array =>
  write(StoredProgress, { ...progress, allowance: Math.floor(progress.allowance * 1000) });

/** A campaign of before such things were kept begins with its first wave. */
function progressOf(row: Row): Progress {
  if (has(row, 'progress')) {
    const stored = read(StoredProgress, blob(row, 'progress'));
    return { ...stored, allowance: stored.allowance / 1000 };
  }
  const begun = { wave: 0, finished: 0, failed: 0, allowance: 0, allowedMs: 0 };
  return { ...begun, person: text(row, 'actor'), approvals: [] };
}

/** One of before it was judged once is as urgent as it was then. */
const judgedOf = (row: Row): Judged => ({
  urgency: urgencyNames.find((name) => urgencies[name] === integer(row, 'urgency')) ?? 'normal',
  because: has(row, 'urgency_because') ? text(row, 'urgency_because') : 'no reason was kept',
});
const urgencyNames = Object.keys(urgencies) as readonly Urgency[];

export const targetOf = (row: Row): Target => ({
  digest: blob(row, 'digest'),
  sequenceNumber: integer(row, 'sequence_number'),
  imageBytes: integer(row, 'image_bytes'),
  components: read(Components, blob(row, 'components')),
});

export function campaignOf(row: Row): CampaignView {
  const signed = blob(row, 'signed');
  return {
    id: text(row, 'id'),
    // Its signature was verified when it was accepted.
    campaign: read(Campaign, peekSigned(signed).payload),
    signed,
    target: targetOf(row),
    uri: text(row, 'uri'),
    judged: judgedOf(row),
    state: oneOf(row, 'state', campaignStates),
    ...becauseOf(row),
    generation: integer(row, 'generation'),
    orderNumber: integer(row, 'order_number'),
    acceptedMs: integer(row, 'accepted_ms'),
    actor: text(row, 'actor'),
    forgiven: { finished: integer(row, 'forgiven_finished'), failed: integer(row, 'forgiven_failed') },
    progress: progressOf(row),
  };
}
