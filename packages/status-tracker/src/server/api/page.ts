/**
 * The fleet at a glance, for a browser: rendered here, without a script, and read anew every two seconds.
 * Every text that came from outside is escaped, and the page may load nothing.
 */
import { hash } from 'node:crypto';
import { uuidText } from '@lapel/suit';
import type { CampaignView } from '../campaign.ts';
import type { DeviceView, Totals } from '../fleet.ts';
import { addressed, conditionOf, failedOf, runningVersion } from '../fleet.ts';
import { remarksOn } from './remarks.ts';
import type { FleetGroup } from '../store.ts';

export interface PageContent {
  readonly nowMs: number;
  readonly groups: readonly FleetGroup[];
  readonly campaigns: readonly { readonly view: CampaignView; readonly totals: Totals }[];
  /** The first ones; the groups count them all. */
  readonly devices: readonly DeviceView[];
  /** What people call a class, by its UUID as text. */
  readonly classNames: ReadonlyMap<string, string>;
}

/** Rows that a person reads, and a browser draws again every two seconds without effort. */
export const pageDevicesMax = 200;
export const pageCampaignsMax = 10;

const style = `
:root { color-scheme: light dark; --line: #8884; --rest: #8886; }
:root { --good: #2a7f4f; --busy: #b98500; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: .9rem; border-radius: .3rem; background: var(--rest); }
.good { color: var(--good); fill: var(--good); } .busy { color: var(--busy); fill: var(--busy); }
.bad { color: var(--bad); fill: var(--bad); } .quiet { opacity: .7; }
`;

/** One piece, because the policy names the hash of all that stands between the tags. */
const styleElement = `<style>${style}</style>`;

export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    `default-src 'none'`,
    `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

export function renderPage(content: PageContent): string {
  const campaigns =
    content.campaigns.map(campaignPart).join('\n') || '<p class="quiet">No campaign has begun.</p>';
  const total = content.groups.reduce((sum, { count }) => sum + count, 0);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="refresh" content="2" />
        <title>Lapel: ${total} devices</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${safe(styleElement)}
      </head>
      <body>
        <h1>${total} devices</h1>
        ${safe(groupsTable(content))}
        <h2>Campaigns</h2>
        ${safe(campaigns)}
        <h2>Devices</h2>
        ${safe(devicesTable(content, total))}
        <p class="quiet">
          As of ${new Date(content.nowMs).toISOString()}. This page reads itself anew every 2 seconds.
        </p>
      </body>
    </html> `.text;
}

function groupsTable({ groups, classNames }: PageContent): string {
  const rows = groups
    .toSorted((a, b) => b.count - a.count)
    .map(
      (group) =>
        html`<tr>
          <td>${className(classNames, group.class)}</td>
          <td>${group.version}</td>
          <td class="${toneOf(group.state)}">${group.state}</td>
          <td class="number">${group.count}</td>
        </tr>`.text,
    );
  return `<table><thead><tr><th>Class</th><th>Version</th><th>State</th><th>Devices</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

function campaignPart({ view, totals }: PageContent['campaigns'][number]): string {
  const all = addressed(totals);
  const failed = failedOf(totals);
  const shares = [
    ['good', totals.confirmed],
    ['busy', totals.inFlight],
    ['bad', failed],
  ] as const;
  let start = 0;
  const bars = shares.map(([tone, count]) => {
    const width = all === 0 ? 0 : (count * 1000) / all;
    const bar = `<rect class="${tone}" x="${start}" width="${width}" height="10"/>`;
    start += width;
    return bar;
  });
  const counts = `${totals.confirmed} of ${all} confirmed, ${totals.inFlight} in flight, ${failed} failed`;
  const because = view.because === undefined ? '' : `: ${view.because}`;
  return html`<p>
      <strong>${view.campaign.name}</strong> (<span class="${toneOf(view.state)}"
        >${view.state}${because}</span
      >): ${counts}
    </p>
    <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${counts}">
      ${safe(bars.join(''))}
    </svg>`.text;
}

function devicesTable({ devices, classNames, nowMs }: PageContent, total: number): string {
  const rows = devices.map((device) => {
    const { id, member, lastSeenMs } = device;
    const state = conditionOf(device);
    const place = member?.status ?? '';
    const seen =
      lastSeenMs === undefined ? 'never' : `${Math.max(0, Math.round((nowMs - lastSeenMs) / 1000))} s ago`;
    return html`<tr>
      <td>${id}</td>
      <td>${className(classNames, device.class)}</td>
      <td>${runningVersion(device.inventory)}</td>
      <td class="${toneOf(state)}">${state}</td>
      <td class="${toneOf(place)}">${place}</td>
      <td>${seen}</td>
      <td class="bad">${remarksOn(device).join('; ')}</td>
    </tr>`.text;
  });
  const more =
    total > devices.length ? `<p class="quiet">The first ${devices.length} of ${total} devices.</p>` : '';
  return `<table><thead><tr><th>Id</th><th>Class</th><th>Runs</th><th>State</th>
<th>In its campaign</th><th>Seen</th><th>Remarks</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>${more}`;
}

function className(names: ReadonlyMap<string, string>, product: Uint8Array): string {
  const uuid = uuidText(product);
  return names.get(uuid) ?? uuid;
}

const tones: Readonly<Record<string, string>> = {
  idle: 'good',
  confirmed: 'good',
  completed: 'good',
  fetching: 'busy',
  installing: 'busy',
  offered: 'busy',
  running: 'busy',
  'awaiting-confirmation': 'busy',
  failed: 'bad',
  reverted: 'bad',
  halted: 'bad',
  'given-up': 'bad',
};
const toneOf = (state: string): string => tones[state] ?? 'quiet';

/** Text that is HTML already. */
interface SafeHtml {
  readonly text: string;
}
const safe = (text: string): SafeHtml => ({ text });

/** Whatever is put into the template is escaped, unless this file made it. */
function html(parts: TemplateStringsArray, ...values: readonly (string | number | SafeHtml)[]): SafeHtml {
  const filled = values.map((value) => (typeof value === 'object' ? value.text : escaped(String(value))));
  return safe(parts.map((part, index) => part + (filled[index] ?? '')).join(''));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
