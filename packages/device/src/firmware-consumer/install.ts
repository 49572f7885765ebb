/**
 * Runs the update procedure of an admitted manifest beside what is running. The envelope is stored first,
 * then each image as it arrives; a slot counts as staged only when the manifest's own checks have passed on
 * what is in flash.
 */

import type { Answer, ComponentIdentifier, Effect, Ending } from '@lapel/suit';
import { SuitError, componentName, drive, run } from '@lapel/suit';
import type { Booted } from '../bootloader/boot.ts';
import type { Peers } from '../peer/link.ts';
import type { Profile } from '../profile.ts';
import type { Views } from '../storage/components.ts';
import type { Installer, Installing } from '../storage/installer.ts';
import { createInstaller, isIncoming } from '../storage/installer.ts';
import type { Layout } from '../storage/layout.ts';
import { componentOf } from '../storage/layout.ts';
import type { RunningSlots } from '../storage/target.ts';
import { targetsOf } from '../storage/target.ts';
import type { OnStep } from '../step.ts';
import type { Elsewhere } from './elsewhere.ts';
import { reachPeers } from './elsewhere.ts';
import type { Fetching } from './fetch.ts';
import { fetchPayload } from './fetch.ts';
import { endingOf } from './report.ts';

export interface Installation extends Omit<Installing, 'targets' | 'running'> {
  /** What was booted: never written. */
  readonly decision: Booted;
  readonly profile: Profile;
  readonly peers?: Peers;
  readonly fetching: Fetching;
  readonly onStep?: OnStep;
}

/**
 * How an update procedure ended. `staged` is a slot with an image that lies ready to be tried; or all that
 * lies ready is `elsewhere`, with another processor.
 */
export type Installed = Ending & { readonly staged?: number | 'elsewhere' };

/**
 * @throws {TransportError} where the network stays away: nothing is lost, the same call goes on where this
 * one stopped.
 */
export async function install(installation: Installation): Promise<Installed> {
  const { layout, journal, admitted, decision, fetching, onStep } = installation;
  const targets = targetsOf(layout, journal.bootRecord, slotsOf(decision));
  const elsewhere = reachPeers(installation);
  const refused = await elsewhere.offer().catch(refusal);
  if (refused !== undefined) return refused;
  const installer = createInstaller({ ...installation, targets, running: viewsOf(decision) });
  const ending = await drive(run(admitted, 'update'), (effect) =>
    elsewhere.isAbout(effect) ? elsewhere.perform(effect) : perform(installer, effect, fetching),
  );
  const staged = stagedIn(installer, elsewhere);
  if (ending.failure === undefined && staged !== undefined) onStep?.('image-verified');
  const isClosed = installer.close(ending) || (ending.failure === undefined && staged === 'elsewhere');
  if (!isClosed || staged === undefined) return ending;
  onStep?.('staged');
  return { ...ending, staged };
}

function stagedIn({ sizes }: Installer, { staged }: Elsewhere): Installed['staged'] {
  const [slot] = sizes.keys();
  return slot ?? (staged.size > 0 ? 'elsewhere' : undefined);
}

/** Another processor will not have it: nothing has been written here. */
function refusal(error: unknown): Ending {
  if (error instanceof SuitError) return endingOf(error);
  throw error;
}

async function perform(installer: Installer, effect: Effect, fetching: Fetching): Promise<Answer> {
  const answer = installer.perform(effect);
  if (!isIncoming(answer) || effect.do !== 'fetch') return answer as Answer;
  await fetchPayload(effect.uri, answer, effect.expected.sizeBytes, fetching);
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
