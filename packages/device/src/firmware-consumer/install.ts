/**
 * Runs the update procedure of an admitted manifest beside what is running. The envelope is stored first,
 * then each image as it arrives; a slot counts as staged only when the manifest's own checks have passed on
 * what is in flash.
 */

import type { Answer, ComponentIdentifier, Effect, Ending } from '@lapel/suit';
import { componentName, drive, run } from '@lapel/suit';
import type { Booted } from '../bootloader/boot.ts';
import { createArena, withArena } from '../storage/arena.ts';
import type { Views } from '../storage/components.ts';
import type { Flash } from '../storage/flash.ts';
import type { Installer, Installing } from '../storage/installer.ts';
import { createInstaller, isIncoming } from '../storage/installer.ts';
import type { Layout } from '../storage/layout.ts';
import { componentOf } from '../storage/layout.ts';
import type { RunningSlots } from '../storage/target.ts';
import { targetsOf } from '../storage/target.ts';
import type { OnStep } from '../step.ts';
import type { Fetching } from './fetch.ts';
import { fetchPayload } from './fetch.ts';
import { unpacking } from './unpack.ts';

export interface Installation extends Omit<Installing, 'flash' | 'targets' | 'running' | 'unpack'> {
  readonly flash: Flash;
  readonly ramBytes: number;
  /** What was booted: never written. */
  readonly decision: Booted;
  readonly fetching: Fetching;
  readonly onStep?: OnStep;
}

/** How an update procedure ended; `staged` is a slot with an image that lies ready to be tried. */
export type Installed = Ending & { readonly staged?: number; readonly isSpoiled: boolean };

/**
 * @throws {TransportError} where the network stays away: nothing is lost, the same call goes on where this
 * one stopped.
 */
export async function install(installation: Installation): Promise<Installed> {
  const { layout, journal, admitted, decision, fetching, onStep, ramBytes, envelope } = installation;
  const arena = createArena(ramBytes);
  arena.take(envelope.length, 'an envelope');
  const flash = withArena(installation.flash, arena);
  const targets = targetsOf(layout, journal.bootRecord, slotsOf(decision));
  const unpack = unpacking({ flash, layout });
  const running = viewsOf(decision);
  const installer = createInstaller({ ...installation, flash, targets, running, unpack });
  const ending = await drive(run(admitted, 'update'), (effect) => perform(installer, effect, fetching));
  const [staged] = installer.sizes.keys();
  if (ending.failure === undefined && staged !== undefined) {
    onStep?.('image-verified', `in ${arena.peakBytes} bytes of working memory`);
  }
  const { isSpoiled } = installer;
  if (!installer.close(ending) || staged === undefined) return { ...ending, isSpoiled };
  onStep?.('staged');
  return { ...ending, isSpoiled, staged };
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

const slotsOf = ({ running }: Booted): RunningSlots =>
  new Map(running.map(({ component, slot }) => [componentName(component), slot]));

const viewsOf = ({ running }: Booted): Views =>
  new Map(
    running.map(({ component, slot, imageBytes: sizeBytes }) => [
      componentName(component),
      { slot, sizeBytes },
    ]),
  );
