/** Devices and their evidence, in memory. */
import { compareBytes, hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Barred, Barring } from './barred.ts';
import { barringEntry } from './barred.ts';
import type { Decision, Membership } from './evidence.ts';
import { decideCheckIn, decideReport } from './evidence.ts';
import type { Approval, DeviceView, Speaker, TagChange } from './fleet.ts';
import { conditionOf, runningVersion } from './fleet.ts';
import { placesAfterRetiring } from './member-moves.ts';
import type { State } from './memory-state.ts';
import { joinOpen } from './memory-campaigns.ts';
import { byCodeUnits, membershipOf, membershipsOf, put, viewOf } from './memory-state.ts';
import { movedByTags, tagChangeText, tagged } from './tags.ts';
import { inSession, judgeAnswer, keepsWordsOf } from './records.ts';
import type {
  Act,
  Added,
  CheckInRecord,
  FleetGroup,
  FleetStore,
  NewDevice,
  Recorded,
  ReportRecord,
} from './store.ts';

export function deviceMethods(state: State) {
  const { devices, idByKid } = state;
  return {
    async addDevices(batch, by) {
      return batch.map((device) => addDevice(state, device, by));
    },
    async approve(ids, by) {
      const pending = ids.filter((id) => (devices.get(id)?.approval ?? 'approved') !== 'approved');
      for (const id of pending) {
        devices.set(id, { ...devices.get(id)!, approval: 'approved' });
        state.audit.push({ ...by, act: 'device approved', subject: id });
      }
      return pending;
    },
    freeze: async (ids, why) => bar(state, ids, 'frozen', why),
    async retire(ids, why) {
      const retired = bar(state, ids, 'retired', why);
      for (const id of retired) {
        const { session: _, ...rest } = devices.get(id)!;
        devices.set(id, rest);
        const places = placesOf(state, id).map(({ member }) => member);
        for (const member of placesAfterRetiring(places, why.atMs)) put(state, member);
      }
      return retired;
    },
    async recordAnswers(batch) {
      return batch.map((view) => {
        const { device, offer } = view.answer;
        const before = devices.get(device);
        const judged = judgeAnswer(before, state.offers.get(hex(offer))?.device, view);
        if (before !== undefined && judged === 'recorded') devices.set(device, { ...before, answer: view });
        return judged;
      });
    },
    async tag(ids, change, by) {
      const known = ids.flatMap((id) => devices.get(id) ?? []);
      // All of them or none.
      const after = known.map((device) => ({ ...device, tags: tagged(device.tags, change) }));
      for (const device of after) retag(state, device, change, by);
      return known.map(({ id }) => id);
    },
    async startSessions(batch) {
      return batch.map(({ device, tokenHash, updateMode, statement, starts, atMs }) => {
        const known = devices.get(device);
        if (known === undefined || known.approval === 'retired') return false;
        const { statement: _, ...rest } = known;
        const before = statement === undefined ? rest : { ...rest, statement };
        const session = { tokenHash, startedMs: atMs, counter: 0 };
        const counted = starts === undefined ? {} : { starts };
        devices.set(device, { ...before, ...counted, updateMode, session, lastSeenMs: atMs });
        return true;
      });
    },
    async recordSeen(batch) {
      for (const { device, atMs } of batch) {
        const before = devices.get(device);
        if (before !== undefined && atMs > (before.lastSeenMs ?? 0)) {
          devices.set(device, { ...before, lastSeenMs: atMs });
        }
      }
    },
    device: async (id) => viewOf(state, id),
    speakers: async (named) =>
      named.map((each) =>
        speakerIn(devices.get((typeof each === 'string' ? each : idByKid.get(hex(each))) ?? '')),
      ),
    async devices({ after = '', limit, approval }) {
      const wanted = [...devices.values()].filter(
        (device) => device.id > after && (approval ?? device.approval) === device.approval,
      );
      const ids = wanted.map(({ id }) => id).toSorted(byCodeUnits);
      return ids.slice(0, limit).flatMap((id) => viewOf(state, id) ?? []);
    },
    countDevices: async (approval) =>
      [...devices.values()].filter((device) => device.approval === approval).length,
    summary: async () => summarise([...devices.values()]),
    sessions: async (device) =>
      [...devices.values()].flatMap(({ id, session, updateMode, statement, vendor, class: product }) => {
        if (session === undefined || (device !== undefined && device !== id)) return [];
        const said = statement === undefined ? {} : { statement };
        return [{ device: id, tokenHash: session.tokenHash, updateMode, vendor, class: product, ...said }];
      }),
  } satisfies Partial<FleetStore>;
}

export function recordMethods(state: State) {
  return {
    recordCheckIns: async (batch) => batch.map((record) => recordCheckIn(state, record)),
    recordReports: async (batch) => batch.map((record) => recordReport(state, record)),
    async evidence(device, limit) {
      const all = [...state.evidence.values()].filter((each) => each.device === device);
      return all.toReversed().slice(0, limit);
    },
  } satisfies Partial<FleetStore>;
}

function bar(state: State, ids: readonly string[], as: Barred, why: Barring): readonly string[] {
  const from: readonly Approval[] = as === 'retired' ? ['approved', 'frozen'] : ['approved'];
  return ids.filter((id) => {
    const device = state.devices.get(id);
    if (device === undefined || !from.includes(device.approval)) return false;
    state.devices.set(id, { ...device, approval: as, lastError: why.because });
    state.audit.push(barringEntry(id, as, why));
    return true;
  });
}

function addDevice(state: State, device: NewDevice, by: Act): Added {
  const { kid, ...rest } = device;
  const known = state.devices.get(device.id);
  if (known !== undefined)
    return compareBytes(known.publicKey, device.publicKey) === 0 ? 'known' : 'other-key';
  if (state.idByKid.has(hex(kid))) return 'key-in-use';
  state.devices.set(device.id, { ...rest, createdMs: by.atMs, updateMode: 'client-initiated' });
  state.idByKid.set(hex(kid), device.id);
  state.audit.push({ ...by, act: `device ${device.approval}`, subject: device.id });
  return 'added';
}

function retag(state: State, device: DeviceView, change: TagChange, by: Act): void {
  state.devices.set(device.id, device);
  state.audit.push({ ...by, act: 'device tagged', subject: device.id, detail: tagChangeText(change) });
  for (const member of movedByTags(device, placesOf(state, device.id), by.atMs)) put(state, member);
  joinOpen(state, device.id, by.atMs);
}

/** In campaigns that can still come to an end. */
const placesOf = (state: State, device: string): readonly Membership[] =>
  membershipsOf(state, device)
    .filter(({ campaign }) => campaign.state !== 'aborted')
    .map(({ campaign, member }) => membershipOf(state, campaign, member));

function recordCheckIn(state: State, record: CheckInRecord): Recorded {
  const key = `check-in/${hex(digest('sha-256', record.signed))}`;
  if (state.evidence.has(key)) return { end: 'known', changes: [] };
  const before = inSession(state.devices.get(record.device), record);
  if (typeof before === 'string') return { end: before, changes: [] };
  const places = placesOf(state, record.device);
  const decision = decideCheckIn(before, places, record);
  const { state: outcome, atMs } = record.inventory;
  const { device, signed } = record;
  if (keepsWordsOf(before)) state.evidence.set(key, { kind: 'check-in', atMs, device, outcome, signed });
  const recorded = save(state, decision);
  joinOpen(state, device, atMs);
  return recorded;
}

function recordReport(state: State, record: ReportRecord): Recorded {
  const { device, atMs, reason, replay, signed } = record;
  const key = `report/${hex(digest('sha-256', signed))}`;
  if (state.evidence.has(key)) return { end: 'known', changes: [] };
  const before = state.devices.get(device);
  const offer = state.offers.get(hex(record.nonce));
  if (before === undefined || offer?.device !== device) return { end: 'no-such-offer', changes: [] };
  const { campaign } = offer;
  const view = state.campaigns.get(campaign);
  const member = state.members.get(campaign)?.get(device);
  if (view === undefined || member === undefined) return { end: 'no-such-offer', changes: [] };
  if (compareBytes(view.target.digest, record.digest) !== 0) return { end: 'other-manifest', changes: [] };
  state.evidence.set(key, { kind: 'report', atMs, device, campaign, outcome: reason, replay, signed });
  const others = membershipsOf(state, device)
    .filter((each) => each.member !== member && each.campaign.state !== 'aborted')
    .filter((each) => each.member.status !== 'superseded')
    .map((each) => ({ member: each.member, target: each.campaign.target }));
  return save(state, decideReport(before, { member, target: view.target }, others, record));
}

function save(state: State, { device, members, changes, audit }: Decision): Recorded {
  if (audit !== undefined && keepsWordsOf(device)) state.audit.push(audit);
  state.devices.set(device.id, device);
  for (const member of members) put(state, member);
  return { end: 'recorded', changes };
}

function summarise(devices: readonly DeviceView[]): FleetGroup[] {
  const groups = new Map<string, FleetGroup>();
  for (const device of devices) {
    const { vendor, class: product } = device;
    const version = runningVersion(device.inventory);
    const state = conditionOf(device);
    const key = [hex(vendor), hex(product), version, state].join('/');
    const count = (groups.get(key)?.count ?? 0) + 1;
    groups.set(key, { vendor, class: product, version, state, count });
  }
  return [...groups.values()];
}

function speakerIn(device: DeviceView | undefined): Speaker | undefined {
  if (device === undefined) return undefined;
  const { id, publicKey, vendor, class: product, approval, session, starts, tags } = device;
  return {
    ...{ id, publicKey, vendor, class: product, approval },
    ...(session === undefined ? {} : { session }),
    ...(starts === undefined ? {} : { starts }),
    ...(tags === undefined ? {} : { tags }),
  };
}
