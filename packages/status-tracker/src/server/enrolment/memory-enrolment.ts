/** The ways into the fleet, in memory. */
import { compareBytes, hex } from '@lapel/cbor';
import type { Barring } from '../barred.ts';
import type { Act, DeviceView, NewDevice } from '../fleet.ts';
import type { State } from '../memory-state.ts';
import { byCodeUnits } from '../memory-state.ts';
import type {
  ApprovalWay,
  EnrolEnd,
  EnrolmentStore,
  EnrolmentToken,
  Enrolled,
  Manufacturer,
  Way,
} from './enrolment-store.ts';
import { admissionText, certificateRevoked, forgottenMax, hasUse } from './enrolment-store.ts';

export function enrolmentMethods(
  state: State,
  freeze: (ids: readonly string[], why: Barring) => Promise<readonly string[]>,
): EnrolmentStore {
  const { devices, audit } = state;
  const manufacturers = new Map<string, Manufacturer>();
  const tokens = new Map<string, EnrolmentToken>();

  function enrol(device: Omit<NewDevice, 'approval'>, way: Way, by: Act): Enrolled {
    const { id, kid, publicKey } = device;
    const known = devices.get(id);
    const end = (found: EnrolEnd): Enrolled => ({ end: found, forgotten: [] });
    if (known !== undefined) {
      if (compareBytes(known.publicKey, publicKey) !== 0) return end('other-key');
      if (known.approval !== 'pending' || way.by === 'approval') return end('known');
    } else if (state.idByKid.has(hex(kid))) return end('key-in-use');
    if (way.by === 'approval') return wait(device, way, by);
    const refused = spend(way, by);
    if (refused !== undefined) return end(refused);
    put(device, { approval: 'approved', admission: way }, by);
    audit.push({ ...by, act: 'device approved', subject: id, detail: admissionText(way), isApart: true });
    return end(known === undefined ? 'added' : 'let-in');
  }

  function wait(device: Omit<NewDevice, 'approval'>, way: ApprovalWay, by: Act): Enrolled {
    const waiting = [...devices.values()].filter(({ approval }) => approval === 'pending');
    const silent = waiting.filter((each) => heardMs(each) < way.silentBeforeMs);
    const forgotten = waiting.length < way.waitingMax ? [] : stalest(silent).slice(0, forgottenMax);
    if (waiting.length - forgotten.length >= way.waitingMax) return { end: 'full', forgotten: [] };
    forget(forgotten);
    if (forgotten.length > 0)
      audit.push({
        ...by,
        act: 'silent strangers forgotten',
        subject: `${forgotten.length} devices`,
        isApart: true,
      });
    put(device, { approval: 'pending' }, by);
    audit.push({ ...by, act: 'device pending', subject: device.id, isApart: true });
    return { end: 'added', forgotten };
  }

  function forget(ids: readonly string[]): void {
    for (const id of ids) devices.delete(id);
    for (const [kid, id] of state.idByKid) if (ids.includes(id)) state.idByKid.delete(kid);
  }

  function put(
    { kid, ...device }: Omit<NewDevice, 'approval'>,
    changes: Pick<DeviceView, 'approval' | 'admission'>,
    by: Act,
  ): void {
    const fresh = { ...device, createdMs: by.atMs, updateMode: 'client-initiated' } as const;
    devices.set(device.id, { ...(devices.get(device.id) ?? fresh), ...changes });
    state.idByKid.set(hex(kid), device.id);
  }

  /** @returns why it can't be. */
  function spend(way: Exclude<Way, ApprovalWay>, { atMs }: Act): EnrolEnd | undefined {
    if (way.by === 'manufacturer') {
      const found = manufacturers.get(way.name);
      return found === undefined || found.revoked.includes(way.serial) ? 'manufacturer-gone' : undefined;
    }
    const token = tokens.get(way.name);
    if (token === undefined || !hasUse(token, atMs)) return 'token-over';
    tokens.set(token.name, { ...token, used: token.used + 1 });
    return undefined;
  }

  return {
    enrol: async (device, way, by) => enrol(device, way, by),
    async turnAway(ids, by) {
      const waiting = ids.filter((id) => devices.get(id)?.approval === 'pending');
      forget(waiting);
      for (const subject of waiting) audit.push({ ...by, act: 'device turned away', subject });
      return waiting;
    },
    async addManufacturer(manufacturer, by) {
      const { name, certificate } = manufacturer;
      const isTaken = [...manufacturers.values()].some(
        (each) => each.name === name || compareBytes(each.certificate, certificate) === 0,
      );
      if (isTaken) return false;
      manufacturers.set(name, manufacturer);
      audit.push({ ...by, act: 'manufacturer added', subject: name });
      return true;
    },
    async removeManufacturer(name, by) {
      if (!manufacturers.delete(name)) return false;
      audit.push({ ...by, act: 'manufacturer removed', subject: name });
      return true;
    },
    async revokeCertificates(name, serials, by) {
      const found = manufacturers.get(name);
      if (found === undefined) return [];
      const revoked = [...new Set([...found.revoked, ...serials])].toSorted(byCodeUnits);
      manufacturers.set(name, { ...found, revoked });
      audit.push({ ...by, act: 'certificates revoked', subject: name, detail: serials.join(', ') });
      const letIn = [...devices.values()].filter(
        ({ admission }) =>
          admission?.by === 'manufacturer' && admission.name === name && serials.includes(admission.serial),
      );
      const why = { ...by, because: certificateRevoked, isApart: true } as const;
      return freeze(letIn.map(({ id }) => id).toSorted(byCodeUnits), why);
    },
    manufacturers: async () => inOrder(manufacturers),
    async addEnrolmentToken(token, by) {
      if (tokens.has(token.name)) return false;
      tokens.set(token.name, token);
      audit.push({ ...by, act: 'enrolment token made', subject: token.name });
      return true;
    },
    async removeEnrolmentToken(name, by) {
      if (!tokens.delete(name)) return false;
      audit.push({ ...by, act: 'enrolment token revoked', subject: name });
      return true;
    },
    enrolmentTokens: async () => inOrder(tokens),
    enrolmentToken: async (id) => [...tokens.values()].find((each) => compareBytes(each.id, id) === 0),
  };
}

const inOrder = <T extends { readonly name: string }>(byName: ReadonlyMap<string, T>): readonly T[] =>
  [...byName.values()].toSorted((a, b) => byCodeUnits(a.name, b.name));

const heardMs = ({ lastSeenMs, createdMs }: DeviceView): number => lastSeenMs ?? createdMs;

const stalest = (devices: readonly DeviceView[]): readonly string[] =>
  devices.toSorted((a, b) => heardMs(a) - heardMs(b) || byCodeUnits(a.id, b.id)).map(({ id }) => id);
