/**
 * Proof of patch: how long the fleet was exposed, from evidence alone. A device counts as patched from the
 * time of the signed check-in or report that confirmed it; what the tracker believes beyond that counts as
 * exposed.
 */
import type { CampaignView } from './campaign.ts';
import { deadlineOf } from './campaign.ts';
import type { Member } from './fleet.ts';

export interface PatchedDevice {
  readonly device: string;
  /** From when it was exposed: the start of the campaign. */
  readonly sinceMs: number;
  /** When its own signed word came. */
  readonly patchedMs?: number;
}

export interface PatchProof {
  readonly campaign: string;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly devices: number;
  readonly patched: number;
  /** Milliseconds from the start until so many per cent were patched; absent until they are. */
  readonly toPercentMs: Readonly<Record<'50' | '90' | '99', number | undefined>>;
  readonly exposedDeviceHours: number;
  /** What was exposed behind the deadline: device-hours that the urgency did not allow. */
  readonly lateDeviceHours: number;
  readonly curve: readonly { readonly afterMs: number; readonly patched: number }[];
}

const hourMs = 3_600_000;
const curvePoints = 60;

/** Members that can't have the release or run a newer one are not exposed to what it mends. */
export const countsAsExposed = ({ status }: Member): boolean => status !== 'superseded';

export const patchedDevice = ({ acceptedMs }: CampaignView, member: Member): PatchedDevice => ({
  device: member.device,
  sinceMs: acceptedMs,
  ...(member.status === 'confirmed' ? { patchedMs: Math.max(acceptedMs, member.changedMs) } : {}),
});

export function provePatch(view: CampaignView, devices: readonly PatchedDevice[], nowMs: number): PatchProof {
  const { id, acceptedMs: startedMs } = view;
  const times = devices
    .flatMap(({ patchedMs }) => (patchedMs === undefined ? [] : [patchedMs - startedMs]))
    .toSorted((a, b) => a - b);
  const reached = (percent: number) =>
    devices.length === 0 ? undefined : times[Math.ceil((devices.length * percent) / 100) - 1];
  const deadlineMs = deadlineOf(view);
  const exposed = (fromMs: number) => {
    const each = devices.map(({ sinceMs, patchedMs = nowMs }) => patchedMs - Math.max(sinceMs, fromMs));
    return each.reduce((sum, ms) => sum + Math.max(0, ms), 0) / hourMs;
  };
  return {
    campaign: id,
    startedMs,
    devices: devices.length,
    patched: times.length,
    toPercentMs: { 50: reached(50), 90: reached(90), 99: reached(99) },
    exposedDeviceHours: exposed(0),
    ...{ deadlineMs, lateDeviceHours: exposed(deadlineMs) },
    curve: curveOf(times, Math.max(0, nowMs - startedMs)),
  };
}

function curveOf(times: readonly number[], lastsMs: number): PatchProof['curve'] {
  let patched = 0;
  return Array.from({ length: curvePoints + 1 }, (_, point) => {
    const afterMs = Math.round((lastsMs * point) / curvePoints);
    while (patched < times.length && (times[patched] ?? 0) <= afterMs) patched += 1;
    return { afterMs, patched };
  });
}

/** One line per device, with a head; device ids need no quoting. */
export const patchCsv = (devices: readonly PatchedDevice[]): string =>
  [
    'device,exposed_since,patched_at,exposed_ms',
    ...devices.map(({ device, sinceMs, patchedMs }) => {
      const patched = patchedMs === undefined ? ',' : `${iso(patchedMs)},${patchedMs - sinceMs}`;
      return `${device},${iso(sinceMs)},${patched}`;
    }),
    '',
  ].join('\n');

const iso = (ms: number) => new Date(ms).toISOString();

const plotRows = 10;

/** The share of devices patched over time, as text that fits 72 columns. */
export function patchPlot({ curve, devices, deadlineMs, startedMs }: PatchProof): string {
  const lastMs = curve.at(-1)?.afterMs ?? 0;
  const due = lastMs === 0 ? -1 : (deadlineMs - startedMs) / lastMs;
  const column = due >= 0 && due <= 1 ? Math.round(due * curvePoints) : -1;
  const rows = Array.from({ length: plotRows }, (_, row) => {
    const percent = 100 - row * (100 / plotRows);
    const cells = curve.map(({ patched }, at) => {
      if (devices > 0 && patched * 100 >= percent * devices) return '█';
      return at === column ? '|' : ' ';
    });
    return `${`${percent} %`.padStart(6)} ${cells.join('').trimEnd()}`;
  });
  const note = column < 0 ? '' : '   | is the deadline';
  const axis = `       0 ${'─'.repeat(curvePoints - 12)} ${(lastMs / hourMs).toFixed(1)} h${note}`;
  return [...rows, axis].join('\n');
}
