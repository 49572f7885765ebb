/**
 * Runs the update procedure of an admitted manifest beside what is running. The envelope is stored first,
 * then each image as it arrives; a slot counts as staged only when the manifest's own checks have passed on
 * what is in flash.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest, Answer, ComponentIdentifier, Effect, Ending, Version } from '@lapel/suit';
import { SuitError, componentName, drive, run } from '@lapel/suit';
import type { Booted } from '../bootloader/boot.ts';
import { select } from '../bootloader/select.ts';
import type { Conditions } from '../conditions.ts';
import type { Peers } from '../peer/link.ts';
import type { Profile } from '../profile.ts';
import type { BootRecord } from '../storage/boot-record.ts';
import { createArena, withArena } from '../storage/arena.ts';
import type { Views } from '../storage/components.ts';
import type { Flash } from '../storage/flash.ts';
import type { Abilities, Installer, Installing } from '../storage/installer.ts';
import { createInstaller, isIncoming } from '../storage/installer.ts';
import type { Layout } from '../storage/layout.ts';
import { componentOf, isStaging } from '../storage/layout.ts';
import { stateOf } from '../storage/slot-state.ts';
import type { RunningSlots } from '../storage/target.ts';
import { targetsOf } from '../storage/target.ts';
import type { OnStep } from '../step.ts';
import type { Elsewhere } from './elsewhere.ts';
import { reachPeers } from './elsewhere.ts';
import type { Fetching } from './fetch.ts';
import { fetchPayload } from './fetch.ts';
import type { Asking } from './ask-conditions.ts';
import { askConditions, isCondition } from './ask-conditions.ts';
import { endingOf } from './report.ts';
import { decryptionWith } from './decrypt.ts';
import { following } from './follow-order.ts';
import { unpacking } from './unpack.ts';

export interface Installation extends Omit<Installing, 'flash' | 'targets' | 'running' | 'abilities'> {
  readonly flash: Flash;
  readonly ramBytes: number;
  /** What was booted: never written. */
  readonly decision: Booted;
  readonly profile: Profile;
  readonly peers?: Peers;
  readonly fetching: Fetching;
  readonly conditions?: Conditions;
  readonly onStep?: OnStep;
}

/**
 * How an update procedure ended. `staged` is a slot with an image that lies ready to be tried; or all that
 * lies ready is `elsewhere`, with another processor. `isPutOff` says of a failure that it is only for now.
 */
export type Installed = Ending & {
  readonly staged?: number | 'elsewhere';
  /** A payload was not what its format says. */
  readonly isSpoiled: boolean;
  readonly isPutOff: boolean;
};

/**
 * @throws {TransportError} where the network stays away: nothing is lost, the same call goes on where this
 * one stopped.
 */
export async function install(installation: Installation): Promise<Installed> {
  const { layout, journal, admitted, decision, fetching, onStep, ramBytes, envelope, trust } = installation;
  const arena = createArena(ramBytes);
  arena.take(envelope.length, 'an envelope');
  const flash = withArena(installation.flash, arena);
  const targets = targetsOf(layout, journal.bootRecord, slotsOf(decision));
  const running = viewsOf(decision);
  const elsewhere = reachPeers(installation);
  const refused = await elsewhere.offer().catch(refusal);
  if (refused !== undefined) return { ...refused, isSpoiled: false, isPutOff: false };
  const abilities: Abilities = {
    unpack: unpacking({ flash, layout }),
    decrypt: decryptionWith(trust.decryptionKeys, flash),
    followOrder: following({ ...installation, flash }),
  };
  const installer = createInstaller({ ...installation, flash, targets, running, abilities });
  let isPutOff = false;
  const asking: Asking = {
    ...fetching,
    conditions: installation.conditions ?? {},
    versionOf: (component) => versionOf(installation, installer, component),
    onLater: () => void (isPutOff = true),
  };
  const ending = await drive(run(admitted, 'update'), (effect) => {
    if (isCondition(effect)) return askConditions(asking, effect);
    return elsewhere.isAbout(effect) ? elsewhere.perform(effect) : perform(installer, effect, fetching);
  });
  const staged = stagedIn(installer, elsewhere);
  if (ending.failure === undefined && staged !== undefined) {
    onStep?.('image-verified', `in ${arena.peakBytes} bytes of working memory`);
  }
  const { isSpoiled } = installer;
  const installed = { ...ending, isSpoiled, isPutOff };
  const isClosed = installer.close(ending) || (ending.failure === undefined && staged === 'elsewhere');
  if (!isClosed || staged === undefined) return installed;
  onStep?.('staged');
  return { ...installed, staged };
}

/** What the manifest says that brought it: this one, once it has written the component. */
function versionOf(
  { admitted, decision, layout }: Installation,
  { sizes }: Installer,
  component: ComponentIdentifier,
): Version | undefined {
  const name = componentName(component);
  const isNew = componentOf(layout, component)?.slots.some((slot) => sizes.has(slot)) ?? false;
  const runs = decision.running.find((each) => componentName(each.component) === name);
  return (isNew ? admitted.authentic : runs?.manifest)?.manifest.setVersion;
}

function stagedIn({ filled }: Installer, { staged }: Elsewhere): Installed['staged'] {
  return filled ?? (staged.size > 0 ? 'elsewhere' : undefined);
}

/** Another processor will not have it: nothing has been written here. */
function refusal(error: unknown): Ending {
  if (error instanceof SuitError) return endingOf(error);
  throw error;
}

async function perform(installer: Installer, effect: Effect, fetching: Fetching): Promise<Answer> {
  const answer = installer.perform(effect);
  if (!isIncoming(answer) || effect.do !== 'fetch') return answer as Answer;
  await fetchPayload(effect.uri, answer, answer.payloadBytes, fetching);
  answer.finish();
  return undefined;
}

/**
 * Whether something that this update would overwrite is running and cannot be replaced while it does: then
 * the recovery application installs it.
 */
export const mustHandOver = (
  layout: Layout,
  components: readonly ComponentIdentifier[],
  decision: Booted,
): boolean =>
  components.some((component) => {
    const scheme = componentOf(layout, component)?.scheme;
    const isFixed = scheme === 'delete-first' || scheme === 'in-place';
    return isFixed && slotsOf(decision).has(componentName(component));
  });

/** The recovery application stands in for what is still there, and verified when it was last booted. */
export const canGoBack = (
  { decision, journal }: Pick<Installation, 'decision' | 'journal'>,
  layout: Layout,
) => decision.isRecovery && select(journal.bootRecord, layout)?.[0].component.role === 'start';

/** Whether all of an update is confirmed where it lies: so is a recovery application that is not booted. */
export const isInPlace = (
  layout: Layout,
  { slots }: BootRecord,
  { components, authentic }: AdmittedManifest,
): boolean =>
  components.every(
    (component) =>
      isStaging(layout, component) ||
      componentOf(layout, component)?.slots.some((slot) => {
        const state = stateOf(slots, slot);
        return state.state === 'confirmed' && equalInConstantTime(state.digest, authentic.digest.bytes);
      }),
  );

/** Whether a slot is that of a recovery application, which is booted only when it is called for. */
export const isForRecovery = ({ components }: Layout, slot: number): boolean =>
  components.some(({ role, slots }) => role === 'recovery' && slots.includes(slot));

const slotsOf = ({ running }: Booted): RunningSlots =>
  new Map(running.map(({ component, slot }) => [componentName(component), slot]));

const viewsOf = ({ running }: Booted): Views =>
  new Map(
    running.map(({ component, slot, imageBytes: sizeBytes }) => [
      componentName(component),
      { slot, sizeBytes },
    ]),
  );
