/**
 * What a release asks of a device before anything is written (draft-ietf-suit-update-management-14 §5), held
 * against what the device has told: a preview for operators. Who decides is the device, with what holds then.
 */
import type { AuthenticManifest, ComponentIdentifier, VersionMatch } from '@lapel/suit';
import { assignments, isVersionMatch, server, versionText } from '@lapel/suit';
import type { DeviceView } from './fleet.ts';
import { sameComponent } from './fleet.ts';

export interface Needs {
  readonly manifestVersion: number;
  /** In mWh; the least, where alternatives ask for different ones. */
  readonly battery?: number;
  /** Of a component one of them must hold: they may be alternatives. */
  readonly versions: readonly { readonly component: ComponentIdentifier; readonly match: VersionMatch }[];
}

export function needsOf(authentic: AuthenticManifest): Needs {
  const { version: manifestVersion, common } = authentic.manifest;
  const { components = [] } = common;
  const asked = assignments(authentic, server);
  const batteries = asked.flatMap(({ parameters }) => parameters.minimumBattery ?? []);
  const versions = asked.flatMap(({ components: reached, parameters: { version: match } }) =>
    match === undefined
      ? []
      : reached.flatMap((index) => {
          const component = components[index];
          return component === undefined ? [] : [{ component, match }];
        }),
  );
  return {
    manifestVersion,
    versions,
    ...(batteries.length === 0 ? {} : { battery: Math.min(...batteries) }),
  };
}

/** Why a device would refuse it, by what it has told; undefined where nothing speaks against it. */
export function unmetBy({ inventory, statement }: DeviceView, needs: Needs): string | undefined {
  const { manifestVersions } = statement?.terms ?? {};
  if (manifestVersions?.includes(needs.manifestVersion) === false) {
    const read = `it reads ${manifestVersions.join(', ')}`;
    return `its manifest is of version ${needs.manifestVersion}, and ${read}`;
  }
  const { batteryMilliwattHours: left = 0 } = inventory ?? {};
  if (needs.battery !== undefined && left < needs.battery)
    return `its manifest asks for a battery with ${needs.battery} mWh, and it has told of ${left}`;
  for (const { component, version } of inventory?.components ?? []) {
    const asked = needs.versions.filter((each) => sameComponent(each.component, component));
    const [first] = asked;
    const numbers = numbersOf(version);
    if (first === undefined || numbers === undefined) continue;
    if (asked.some(({ match }) => isVersionMatch(match, numbers))) continue;
    const [comparison, wanted] = first.match;
    const words = `${comparison.replaceAll('-', ' ')} ${versionText(wanted)}`;
    return `its manifest asks for a version ${words}, and it runs ${version}`;
  }
  return undefined;
}

/** A version that is told in words says nothing. */
const numbersOf = (version: string | undefined): readonly number[] | undefined =>
  version !== undefined && /^\d{1,9}(?:\.\d{1,9}){0,7}$/.test(version)
    ? version.split('.').map(Number)
    : undefined;
