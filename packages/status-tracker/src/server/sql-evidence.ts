/** What devices say, in SQL: kept as it was signed, counted once, and followed by what it decides. */
import { compareBytes, hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { belonging } from './attributes.ts';
import type { CampaignView } from './campaign.ts';
import { isOpen } from './campaign.ts';
import type { Decision, Membership } from './evidence.ts';
import { decideCheckIn, decideReport } from './evidence.ts';
import type { DeviceView, Member } from './fleet.ts';
import { changeNews } from './news.ts';
import type { Row, Sql } from './sql.ts';
import { oncePerDevice } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { openStates, refusalAmong, writeMembers } from './sql-campaigns.ts';
import { writeEvidence, writeLastWords, writeToldDevices } from './sql-evidence-rows.ts';
import { admit } from './sql-join.ts';
import { blob, campaignOf, deviceOf, has, integer, memberOf, replayOf, text } from './sql-rows.ts';
import { wake } from './sql-turns.ts';
import { inSession, keepsWordsOf } from './records.ts';
import type { CheckInRecord, Evidence, FleetStore, Recorded, ReportRecord } from './store.ts';

export function recordMethods(db: Sql) {
  return {
    recordCheckIns: async (batch) =>
      db.transaction(async (sql) => inParts(sql, batch, async (part) => recordCheckIns(sql, part))),
    recordReports: async (batch) =>
      db.transaction(async (sql) => inParts(sql, batch, async (part) => recordReports(sql, part))),
    async evidence(device, limit) {
      const text = 'SELECT * FROM report WHERE tenant = ? AND actor = ? ORDER BY number DESC LIMIT ?';
      return (await db.all(text, db.tenant, device, limit)).map(evidenceOf);
    },
  } satisfies Partial<FleetStore>;
}

async function inParts<T extends { readonly device: string }>(
  sql: Sql,
  batch: readonly T[],
  record: (part: readonly T[]) => Promise<readonly Recorded[]>,
): Promise<readonly Recorded[]> {
  const recorded: Recorded[] = [];
  for (const part of oncePerDevice(batch)) recorded.push(...(await record(part)));
  await sql.tell(changeNews(recorded.flatMap(({ changes }) => changes)));
  return recorded;
}

export const deviceRow = async (sql: Sql, id: string) =>
  sql.get('SELECT * FROM device WHERE tenant = ? AND id = ?', sql.tenant, id);

const unchanged = (end: Exclude<Recorded['end'], 'recorded'>): Recorded => ({ end, changes: [] });

/** However many they are, each table is asked once and written once. */
async function recordCheckIns(sql: Sql, batch: readonly CheckInRecord[]): Promise<readonly Recorded[]> {
  const known = await knownAmong(sql, 'check-in', batch);
  const devices = await devicesOf(sql, batch);
  const members = await membersOf(sql, batch);
  const campaigns = await campaignsOf(sql, members);
  const said: Evidence[] = [];
  const decided: Decision[] = [];
  const recorded = batch.map((record): Recorded => {
    const { device, inventory, signed } = record;
    if (known.has(nameOf(signed))) return unchanged('known');
    const before = inSession(devices.get(device), record);
    if (typeof before === 'string') return unchanged(before);
    const outcome = inventory.state;
    if (keepsWordsOf(before))
      said.push({ kind: 'check-in', atMs: inventory.atMs, device, outcome, signed } as const);
    const memberships = openMemberships(members.get(device) ?? [], campaigns);
    const decision = decideCheckIn(before, memberships, record);
    decided.push(decision);
    return { end: 'recorded', changes: decision.changes };
  });
  await writeEvidence(sql, said);
  await writeToldDevices(
    sql,
    decided.map(({ device }) => device),
  );
  await save(sql, decided);
  await wake(
    sql,
    decided.map(({ device }) => device.id),
  );
  await joinOpen(sql, decided, members, campaigns);
  return recorded;
}

async function recordReports(sql: Sql, batch: readonly ReportRecord[]): Promise<readonly Recorded[]> {
  const known = await knownAmong(sql, 'report', batch);
  const devices = await devicesOf(sql, batch);
  const offered = await offeredTo(sql, batch);
  const members = await membersOf(sql, batch);
  const campaigns = await campaignsOf(sql, members);
  const said: Evidence[] = [];
  const decided: Decision[] = [];
  const recorded = batch.map((record): Recorded => {
    const { device, atMs, reason, replay, signed } = record;
    if (known.has(nameOf(signed))) return unchanged('known');
    const before = devices.get(device);
    const campaign = offered.get(device) ?? '';
    const member = members.get(device)?.find((each) => each.campaign === campaign);
    const target = campaigns.get(campaign)?.target;
    if (before === undefined || member === undefined || target === undefined)
      return unchanged('no-such-offer');
    if (compareBytes(target.digest, record.digest) !== 0) return unchanged('other-manifest');
    said.push({ kind: 'report', atMs, device, campaign, outcome: reason, replay, signed });
    const places = openMemberships(members.get(device) ?? [], campaigns);
    const others = places.filter((place) => place.member !== member);
    const decision = decideReport(before, { member, target }, others, record);
    decided.push(decision);
    return { end: 'recorded', changes: decision.changes };
  });
  await writeEvidence(sql, said);
  await writeHeardDevices(sql, decided, devices);
  await save(sql, decided);
  return recorded;
}

/** A report of success tells what runs; of every other, only its time and its reason stay with the device. */
async function writeHeardDevices(
  sql: Sql,
  decided: readonly Decision[],
  before: ReadonlyMap<string, DeviceView>,
): Promise<void> {
  const all = decided.map(({ device }) => device);
  const tells = ({ id, inventory }: DeviceView) => inventory !== before.get(id)?.inventory;
  await writeToldDevices(sql, all.filter(tells));
  await writeLastWords(
    sql,
    all.filter((device) => !tells(device)),
  );
}

const nameOf = (signed: Uint8Array): string => hex(digest('sha-256', signed));

/** What is signed is one device's, so that its part of the table is the only one to look into. */
async function knownAmong(
  sql: Sql,
  kind: Evidence['kind'],
  batch: readonly (CheckInRecord | ReportRecord)[],
): Promise<ReadonlySet<string>> {
  const rows = batch.map(({ device, signed }) => [device, digest('sha-256', signed)] as const);
  const known = await sql.allBatch(
    `SELECT report.hash AS hash FROM batch() CROSS JOIN report
     WHERE report.tenant = ?1 AND report.kind = ?2 AND report.hash = batch.hash
       AND report.actor = batch.device`,
    { columns: { device: 'text', hash: 'blob' }, rows },
    ...[sql.tenant, kind],
  );
  return new Set(known.map((row) => hex(blob(row, 'hash'))));
}

type OfDevices = readonly { readonly device: string }[];

const idsOf = (batch: OfDevices) => ({
  columns: { device: 'text' } as const,
  rows: batch.map(({ device }) => [device]),
});

async function devicesOf(sql: Sql, batch: OfDevices): Promise<ReadonlyMap<string, DeviceView>> {
  const rows = await sql.allBatch(
    `SELECT device.* FROM batch() CROSS JOIN device
     WHERE device.tenant = ?1 AND device.id = batch.device`,
    idsOf(batch),
    sql.tenant,
  );
  return new Map(rows.map((row) => [text(row, 'id'), deviceOf(row)]));
}

type Members = ReadonlyMap<string, readonly Member[]>;

async function membersOf(sql: Sql, batch: OfDevices): Promise<Members> {
  const rows = await sql.allBatch(
    `SELECT member.* FROM batch() CROSS JOIN member INDEXED BY member_by_device
     WHERE member.tenant = ?1 AND member.device = batch.device ORDER BY member.campaign`,
    idsOf(batch),
    sql.tenant,
  );
  const found = new Map<string, Member[]>();
  for (const member of rows.map(memberOf)) {
    const known = found.get(member.device);
    if (known === undefined) found.set(member.device, [member]);
    else known.push(member);
  }
  return found;
}

type Campaigns = ReadonlyMap<string, CampaignView>;

/** Those that are open, and those that the members are in. */
async function campaignsOf(sql: Sql, members: Members): Promise<Campaigns> {
  const text = `SELECT * FROM campaign WHERE tenant = ? AND state IN ${openStates}`;
  const open = (await sql.all(text, sql.tenant)).map(campaignOf);
  const named = new Set([...members.values()].flatMap((each) => each.map(({ campaign }) => campaign)));
  for (const { id } of open) named.delete(id);
  const others = await sql.allBatch(
    `SELECT campaign.* FROM batch() CROSS JOIN campaign
     WHERE campaign.tenant = ?1 AND campaign.id = batch.id`,
    { columns: { id: 'text' }, rows: [...named].map((id) => [id]) },
    sql.tenant,
  );
  return new Map([...open, ...others.map(campaignOf)].map((view) => [view.id, view]));
}

/** Of each report, the campaign whose offer to that device it is about. */
async function offeredTo(sql: Sql, batch: readonly ReportRecord[]): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.allBatch(
    `SELECT batch.device AS device, offer.campaign AS campaign FROM batch() CROSS JOIN offer
     WHERE offer.tenant = ?1 AND offer.nonce = batch.nonce AND offer.device = batch.device`,
    {
      columns: { device: 'text', nonce: 'blob' },
      rows: batch.map(({ device, nonce }) => [device, nonce]),
    },
    sql.tenant,
  );
  return new Map(rows.map((row) => [text(row, 'device'), text(row, 'campaign')]));
}

/** The places of one device. */
export async function membershipsOf(sql: Sql, device: string): Promise<readonly Membership[]> {
  const members = await membersOf(sql, [{ device }]);
  return openMemberships(members.get(device) ?? [], await campaignsOf(sql, members));
}

/** The device's members in campaigns that can still come to an end. */
const openMemberships = (members: readonly Member[], campaigns: Campaigns): readonly Membership[] =>
  members.flatMap((member) => {
    const view = campaigns.get(member.campaign);
    if (view === undefined || view.state === 'aborted') return [];
    const { target, campaign } = view;
    const failed = members.filter((other) => {
      const digestOf = campaigns.get(other.campaign)?.target.digest;
      return (
        other.status === 'failed' && digestOf !== undefined && compareBytes(digestOf, target.digest) === 0
      );
    });
    const rejected = refusalAmong(failed.map(({ because = '' }) => because));
    return [{ member, target, rejected, belongs: (changed) => belonging(campaign, changed) }];
  });

async function save(sql: Sql, decided: readonly Decision[]): Promise<void> {
  for (const { device, audit } of decided)
    if (audit !== undefined && keepsWordsOf(device)) await writeAudit(sql, audit);
  await writeMembers(
    sql,
    decided.flatMap(({ device, members }) => members.map((member) => ({ member, actor: device.id }))),
  );
}

/** Into every open campaign that is for the device and that it has no place in yet. */
async function joinOpen(
  sql: Sql,
  decided: readonly Decision[],
  members: Members,
  campaigns: Campaigns,
): Promise<void> {
  const atMs = Math.max(...decided.map(({ device }) => device.inventory?.atMs ?? 0));
  for (const view of campaigns.values()) {
    if (!isOpen(view, atMs)) continue;
    const strangers = decided
      .map(({ device }) => device)
      .filter(({ id }) => !members.get(id)?.some(({ campaign }) => campaign === view.id));
    await admit(sql, view, strangers, atMs);
  }
}

const evidenceOf = (row: Row): Evidence => ({
  kind: text(row, 'kind') === 'report' ? 'report' : 'check-in',
  atMs: integer(row, 'at_ms'),
  device: text(row, 'actor'),
  ...(has(row, 'campaign') ? { campaign: text(row, 'campaign') } : {}),
  outcome: text(row, 'outcome'),
  ...replayOf(row),
  signed: blob(row, 'signed'),
});
