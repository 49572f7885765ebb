/**
 * A manifest against a device that is data: all that a Recipient does with an envelope, with everything that
 * it asks of the world on the way, and what its components hold in the end (RFC 9124 §4.3.19: tried before it
 * is deployed). The processor is the devices' own.
 */

import { hex } from '@lapel/cbor';
import type {
  Answer,
  AuthenticManifest,
  DecryptionKey,
  Effect,
  ExpectedImage,
  Limits,
  Policy,
  Procedure,
  Recipient,
  ReportReason,
  Stage,
  TrustAnchor,
  VirtualRecipient,
  WaitEvents,
} from '@lapel/suit';
import { SuitError, admit, authenticate, componentName, driveSync, run, virtualRecipient } from '@lapel/suit';
import type { ComponentDescription, DescribedDevice } from './described-device.ts';
import type { StandIn, StandIns } from './stand-ins.ts';
import { performWithStandIns } from './stand-ins.ts';

export interface Situation {
  readonly device: DescribedDevice;
  /** What its components hold before. */
  readonly state: DeviceState;
  readonly anchors: readonly TrustAnchor[];
  /** Of the device, for what is encrypted. */
  readonly decryptionKeys?: readonly DecryptionKey[];
  readonly limits: Limits;
  readonly policy?: Policy;
  /** Seconds since 1970, for a device that is described without a time. */
  readonly now: number;
  /** What is served; undefined is nothing. */
  serve(uri: string, expected: ExpectedImage): Uint8Array | undefined;
  /** A device of which more is assumed than its description says. */
  readonly assuming?: (device: Device, authentic: AuthenticManifest) => Device;
}

/** By `componentName`. */
export interface DeviceState {
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** In the place of what the component holds. */
  readonly standIns: ReadonlyMap<string, StandIn>;
}

export interface Device {
  readonly recipient: Recipient;
  readonly components: Map<string, Uint8Array>;
  readonly standIns: StandIns;
  /** @throws {SuitError} where it can't. */
  perform(effect: Effect): Answer;
}

/** What the manifest asked of the world, and what the world did. */
export interface Step {
  readonly effect: Effect;
  readonly answer: Answer;
  readonly error?: SuitError;
  /** What the component held before, and what it holds now. */
  readonly before: Held;
  readonly after: Held;
}

export type Held = Uint8Array | StandIn;

export interface Simulation {
  readonly accepted: boolean;
  /** The stage that decided. */
  readonly stage: Stage;
  readonly reason: ReportReason;
  readonly detail: string;
  readonly steps: readonly Step[];
  readonly before: DeviceState;
  readonly after: DeviceState;
  /** Where it came that far. */
  readonly authentic?: AuthenticManifest;
}

/** Sees the device before each step. */
export type Watch = (device: Device) => void;

export function simulate(
  envelope: Uint8Array,
  situation: Situation,
  procedure: Procedure,
  watch?: Watch,
): Simulation {
  const steps: Step[] = [];
  let authentic: AuthenticManifest | undefined;
  let device: Device | undefined;
  const ended = (ending: Pick<Simulation, 'accepted' | 'stage' | 'reason' | 'detail'>): Simulation => ({
    ...ending,
    steps,
    before: situation.state,
    after: device === undefined ? situation.state : stateOf(device),
    ...(authentic === undefined ? {} : { authentic }),
  });
  try {
    authentic = authenticate(envelope, situation.anchors, situation.limits, situation.policy);
    device = deviceFor(situation, authentic);
    const { failure } = driveSync(
      run(admit(authentic, device.recipient), procedure),
      recording(device, steps, watch),
    );
    if (failure !== undefined) throw failure.error;
    return ended({ accepted: true, stage: 'run', reason: 'ok', detail: '' });
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    const { stage, reason, message } = error;
    return ended({ accepted: false, stage, reason, detail: message });
  }
}

/** The device as it stands before anything has happened. */
export function deviceFor(situation: Situation, authentic: AuthenticManifest): Device {
  const { device, state, limits, policy, anchors, decryptionKeys = [], now, assuming } = situation;
  const virtual = virtualRecipient({
    ...properties(device, now),
    limits,
    ...(policy === undefined ? {} : { policy }),
    anchors,
    decryptionKeys,
    authorize: () => device.authorized ?? false,
    waits: (events) => canWait(events, device),
    components: Object.fromEntries(state.contents),
  });
  const standIns: StandIns = new Map(state.standIns);
  const plain: Device = {
    recipient: { ...virtual, floor: (component) => floorOf(componentName(component), device) },
    components: virtual.components,
    standIns,
    perform: (effect) => perform(effect, standIns, virtual, situation),
  };
  return assuming === undefined ? plain : assuming(plain, authentic);
}

/** What its components hold now, whatever becomes of them. */
export const stateOf = ({ components, standIns }: Device): DeviceState => ({
  contents: new Map(components),
  standIns: new Map(standIns),
});

const stateIn = ({ components: contents, standIns }: Device): DeviceState => ({ contents, standIns });

/**
 * What its components hold, as a description has it.
 * @param file the content of a file that a component holds
 */
export function readState(
  components: ReadonlyMap<string, ComponentDescription>,
  file: (name: string) => Uint8Array,
): DeviceState {
  const contents = new Map<string, Uint8Array>();
  const standIns = new Map<string, StandIn>();
  for (const [name, { holds }] of components) {
    contents.set(name, holds.is === 'bytes' ? holds.bytes : holds.is === 'file' ? file(holds.name) : nothing);
    if (holds.is !== 'digest') continue;
    const { digest, sizeBytes } = holds;
    standIns.set(name, { digest: hex(digest), ...(sizeBytes === undefined ? {} : { sizeBytes }) });
  }
  return { contents, standIns };
}

/** What a component holds. */
export const heldIn = ({ contents, standIns }: DeviceState, name: string): Held =>
  standIns.get(name) ?? contents.get(name) ?? nothing;

const nothing = new Uint8Array();

function recording(device: Device, steps: Step[], watch: Watch | undefined): (effect: Effect) => Answer {
  return (effect) => {
    watch?.(device);
    const held = () => heldIn(stateIn(device), componentName(effect.component));
    const before = held();
    try {
      const answer = device.perform(effect);
      steps.push({ effect, answer, before, after: held() });
      return answer;
    } catch (error) {
      if (error instanceof SuitError) {
        steps.push({ effect, answer: undefined, error, before, after: held() });
      }
      throw error;
    }
  };
}

function perform(
  effect: Effect,
  standIns: StandIns,
  virtual: VirtualRecipient,
  situation: Situation,
): Answer {
  const { device, serve } = situation;
  const own = device.components?.get(componentName(effect.component));
  if (effect.do === 'slot' && own?.slot !== undefined) return own.slot === effect.slot;
  if (effect.do === 'version' && own?.version !== undefined) return own.version;
  if (effect.do === 'fetch') {
    const content = serve(effect.uri, effect.expected);
    // Where nothing is served, the fetch fails as it stands.
    if (content !== undefined) {
      const { component, expected } = effect;
      return performWithStandIns({ do: 'write', component, content, expected }, standIns, virtual);
    }
  }
  return performWithStandIns(effect, standIns, virtual);
}

function floorOf(name: string, { sequence, components }: DescribedDevice): ReturnType<Recipient['floor']> {
  const sequenceNumber = components?.get(name)?.sequence ?? sequence;
  return sequenceNumber === undefined ? undefined : { sequenceNumber };
}

/** The members of a device that a virtual Recipient has too. */
function properties(described: DescribedDevice, now: number) {
  const { vendor, class: kind, device, slot, version, time = now } = described;
  return {
    ...(vendor === undefined ? {} : { vendor }),
    ...(kind === undefined ? {} : { class: kind }),
    ...(device === undefined ? {} : { device }),
    ...(slot === undefined ? {} : { slot }),
    ...(version === undefined ? {} : { version }),
    ...(time === 'none' ? {} : { time }),
    // A device that runs on its battery is described with it.
    batteryMilliwattHours: described.batteryMilliwattHours ?? Infinity,
  };
}

/** Without a time zone and without names for other devices (update-management §4.5). */
const unsupported: ReadonlySet<string> = new Set(['timeOfDay', 'dayOfWeek', 'otherDeviceVersion']);

function canWait(events: WaitEvents, { waits }: DescribedDevice): boolean {
  if (typeof waits === 'boolean') return waits;
  return Object.keys(events).every((name) => waits?.has(name.toLowerCase()) ?? !unsupported.has(name));
}
