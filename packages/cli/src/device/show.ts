/** What is in a device's flash, and what it would start, for people. Looks and changes nothing. */

import { componentText } from '@lapel/author';
import { hex } from '@lapel/cbor';
import type { BootDecision, BootRecord, ComponentLayout, Counter, Profile, TrustStore } from '@lapel/device';
import { Journal, boot, imageBytesMax, readTrustStore } from '@lapel/device';
import { norFlash } from '@lapel/simulator';
import { freshness } from '@lapel/status-tracker/client';
import { shownTime } from '@lapel/status-tracker/policy';
import { componentName, countedText, uuidText } from '@lapel/suit';
import { systemClock } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openFlashFile } from '../flash-file.ts';
import type { Terminal } from '../terminal.ts';
import { anchorText, shownAnchors } from './show-anchors.ts';
import { lookingAt, openCounterFile } from './counter-file.ts';

export interface ShowPlan {
  readonly file: string;
  readonly json: boolean;
  /** The file of its counter. */
  readonly counter: string | undefined;
}

export function showDeviceFile({ file, json, counter: path }: ShowPlan, terminal: Terminal): void {
  const counter = path === undefined ? undefined : openCounterFile(path);
  const { flash, profile, close } = openFlashFile(file);
  const { geometry, journal, trustStore } = profile.layout;
  // A copy: opening a journal may mend it, and looking must change nothing.
  const copy = norFlash({ geometry, content: flash.dump() });
  close();
  const trust = readTrustStore(copy, trustStore);
  if (trust === undefined) {
    throw new CommandFailure(exitCodes.failed, `expected a device in ${file}, found none`);
  }
  const record = Journal.open(copy, journal).bootRecord;
  const next = boot(copy, profile, counter && lookingAt(counter));
  const shown = shownOf({ profile, trust, record, next, counter });
  if (json) terminal.result(JSON.stringify(shown));
  else terminal.facts(factsOf(shown));
}

interface Found {
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly record: BootRecord;
  readonly next: BootDecision;
  readonly counter: Counter | undefined;
}

type Shown = ReturnType<typeof shownOf>;

function shownOf({ profile, trust, record, next, counter }: Found) {
  const { layout } = profile;
  const { move, handover, reverted } = record;
  return {
    device: trust.device,
    profile: profile.name,
    key: hex(trust.deviceKey.kid),
    vendor: uuidText(trust.vendor),
    class: uuidText(trust.class),
    confirmBy: trust.confirmBy,
    trusts: shownAnchors(trust),
    ...(trust.required.length === 0 ? {} : { required: trust.required }),
    ...(trust.content.order === undefined ? {} : { trustOrder: trust.content.order[0] }),
    ...(trust.decryptionKeys.length === 0 ? {} : { decryptionKeys: trust.decryptionKeys.length }),
    ...newestOf(trust, record),
    boot: trust.bootSecret === undefined ? ('signature' as const) : ('mac' as const),
    ...(counter === undefined ? {} : { counter: counter.read() }),
    components: layout.components.map((component) => ({
      ...shownComponent(component, record),
      imageBytesMax: imageBytesMax(layout, component),
    })),
    slots: layout.slots.map((_, slot) => shownSlot(record, slot)),
    ...(move === undefined ? {} : { move }),
    ...(handover === undefined ? {} : { handover: hex(handover) }),
    ...(reverted === undefined
      ? {}
      : { reverted: { manifest: hex(reverted.digest), because: reverted.because } }),
    next: {
      because: next.reason,
      starts: next.boot === 'nothing' ? [] : next.running.map(shownStart),
    },
  };
}

/** Only of a device that holds its tracker to operators. */
function newestOf({ holdsToOperators }: TrustStore, { newest, floors }: BootRecord) {
  if (!holdsToOperators) return {};
  const runs = Math.max(0, ...[...floors.values()].map(({ sequenceNumber }) => sequenceNumber));
  const old = freshness(newest, runs, systemClock.wallMs());
  return {
    newest: {
      ...(newest === undefined
        ? {}
        : { sequenceNumber: newest.sequenceNumber, toldMs: newest.createdMs, untilMs: newest.expiresMs }),
      ...(old === undefined ? {} : { old }),
    },
  };
}

function shownComponent(
  { identifier, role, scheme, slots }: ComponentLayout,
  { floors, bootFloors }: BootRecord,
) {
  const name = componentName(identifier);
  const bootFloor = bootFloors.get(name)?.sequenceNumber;
  return {
    component: componentText(identifier),
    role,
    scheme,
    slots,
    floor: floors.get(name)?.sequenceNumber ?? 0,
    ...(bootFloor === undefined ? {} : { bootFloor }),
  };
}

function shownSlot({ slots }: BootRecord, index: number) {
  const slot = slots[index] ?? ({ state: 'empty' } as const);
  return {
    state: slot.state,
    ...('digest' in slot ? { sequenceNumber: slot.sequenceNumber, manifest: hex(slot.digest) } : {}),
    ...('imageBytes' in slot ? { imageBytes: slot.imageBytes } : {}),
    ...('attemptsLeft' in slot ? { attemptsLeft: slot.attemptsLeft } : {}),
    ...('because' in slot ? { because: slot.because } : {}),
  };
}

type Running = Extract<BootDecision, { readonly boot: 'slot' }>['running'][number];

const shownStart = ({ component, slot, sequenceNumber, by }: Running) => ({
  component: componentText(component),
  slot,
  sequenceNumber,
  by,
});

type Fact = readonly [name: string, value: string];

function factsOf(shown: Shown): readonly Fact[] {
  const { components, move } = shown;
  const of = (component: string) => (components.length === 1 ? '' : `${component}: `);
  const ofSlot = (index: number) =>
    of(components.find(({ slots }) => slots.includes(index))?.component ?? 'nobody');
  return [
    ['device', shown.device],
    ['profile', shown.profile],
    ['key id', shown.key],
    ['vendor', shown.vendor],
    ['class', shown.class],
    ['confirm by', shown.confirmBy],
    ['verify by', verifiedBy[shown.boot]],
    ...newestFacts(shown),
    ...shown.trusts.map((anchor): Fact => ['trusts', anchorText(anchor)]),
    ...(shown.required === undefined ? [] : [['requires', countedText(shown.required)] as const]),
    ...(shown.trustOrder === undefined
      ? []
      : [['last order', `number ${shown.trustOrder}, about whom to trust`] as const]),
    ...(shown.decryptionKeys === undefined
      ? []
      : [['decrypts', `with ${shown.decryptionKeys === 1 ? 'a key' : '2 keys'} of its own`] as const]),
    ...components.map((component): Fact => ['component', componentFact(component)]),
    ...shown.slots.map((slot, index): Fact => [`slot ${index}`, `${ofSlot(index)}${slotText(slot)}`]),
    ...components.flatMap(({ component, floor, bootFloor }): readonly Fact[] => [
      ['floor', `${of(component)}nothing below sequence number ${floor} is installed`],
      ...(bootFloor === undefined
        ? []
        : [['floor', `${of(component)}nothing below sequence number ${bootFloor} is started`] as const]),
    ]),
    ...(shown.counter === undefined ? [] : [['counter', `${shown.counter}`] as const]),
    ...(move === undefined
      ? []
      : [['under way', `slot ${move.from} to slot ${move.to}, ${move.done} pieces`] as const]),
    ...(shown.handover === undefined
      ? []
      : [['under way', 'the recovery application is to install an update'] as const]),
    ...(shown.reverted === undefined ? [] : [['reverted', shown.reverted.because] as const]),
    ...nextFacts(shown),
  ];
}

function newestFacts({ newest }: Shown): readonly Fact[] {
  if (newest === undefined) return [];
  const { sequenceNumber, untilMs = 0, old } = newest;
  return [
    ['follows', 'no offer that an operator has not signed'],
    ...(sequenceNumber === undefined
      ? []
      : [['newest', `sequence number ${sequenceNumber}, told until ${shownTime(untilMs)}`] as const]),
    ...(old === undefined ? [] : [['may be old', old] as const]),
  ];
}

function componentFact({ component, role, scheme, slots, imageBytesMax: most }: Shown['components'][number]) {
  const where = `${slots.length === 1 ? 'slot' : 'slots'} ${slots.join(', ')}`;
  return `${component}, ${roles[role]}; ${scheme}, ${where}; images of up to ${most / 1024} KiB`;
}

const roles: Readonly<Record<ComponentLayout['role'], string>> = {
  start: 'which starts',
  needed: 'which must be there',
  extra: 'which may be there',
  recovery: 'which stands in',
  staging: 'which payloads pass through',
};

const verifiedBy: Readonly<Record<Shown['boot'], string>> = {
  signature: "the author's signature, at each start",
  mac: "the device's own MAC, once the author's signature has been verified",
};

function slotText({ state, sequenceNumber, because, attemptsLeft }: Shown['slots'][number]): string {
  const number = sequenceNumber === undefined ? '' : `, sequence number ${sequenceNumber}`;
  const left = attemptsLeft === undefined ? '' : `, ${attemptsLeft} attempts left`;
  return `${state}${number}${left}${because === undefined ? '' : `: ${because}`}`;
}

function nextFacts({ next, components }: Shown): readonly Fact[] {
  const { because, starts } = next;
  if (starts.length === 0) return [['next start', `nothing: ${because}`]];
  const named = components.length === 1 ? '' : `${starts.map(startText).join(', ')}; `;
  return [['next start', `${named}${because}`]];
}

const startText = ({ component, slot, sequenceNumber }: Shown['next']['starts'][number]): string =>
  `${component} ${sequenceNumber} in slot ${slot}`;
