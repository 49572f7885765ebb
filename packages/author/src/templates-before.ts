/**
 * What must hold before an update begins (draft-ietf-suit-update-management-14 §5): asked when it is
 * installed, and not when its images start, which may be years later.
 */

import type { Command } from '@lapel/suit';
import { condition, digestParameter, directive, imageMatch, imageParameters, override } from './commands.ts';
import type { Preconditions } from './description.ts';
import type { At, Plan, Planned } from './planned.ts';
import { hasSlots } from './planned.ts';

export function before({ components, dependencies, preconditions }: Plan, at: At): readonly Command[] {
  const first = components[0]?.index ?? dependencies[0]?.index ?? 0;
  return [
    ...components.flatMap((each) => at(each.index, ofComponent(each))),
    ...at(first, ofUpdate(preconditions)),
  ];
}

/** What costs nothing is asked first, the application after that; the update waits when all else is well. */
function ofUpdate(preconditions: Preconditions): readonly Command[] {
  const { useBefore, minimumBatteryMilliwattHours, priority, waitFor } = preconditions;
  const inTime = useBefore === undefined ? [] : [override({ useBefore }), condition('condition-use-before')];
  return [
    ...inTime,
    ...(minimumBatteryMilliwattHours === undefined
      ? []
      : [override({ minimumBattery: minimumBatteryMilliwattHours }), condition('condition-minimum-battery')]),
    ...(priority === undefined
      ? []
      : [override({ updatePriority: priority }), condition('condition-update-authorized')]),
    // A wait may be long.
    ...(waitFor === undefined
      ? []
      : [override({ waitInfo: waitFor }), directive('directive-wait'), ...inTime.slice(1)]),
  ];
}

function ofComponent({ before: wanted = {}, images }: Planned): readonly Command[] {
  const { versions = [], holds, replaces, notOver } = wanted;
  const others = [
    ...(replaces === undefined ? [] : [override(imageParameters(replaces)), imageMatch]),
    ...(notOver === undefined
      ? []
      : [override({ imageDigest: digestParameter(notOver) }), condition('condition-image-not-match')]),
  ];
  const [image] = images;
  return [
    ...versions.flatMap((version) => [override({ version }), condition('condition-version')]),
    ...(holds === undefined ? [] : [override({ content: holds }), condition('condition-check-content')]),
    ...others,
    // The same sequence may go on to install, by the digest of the image that is to come.
    ...(others.length === 0 || image === undefined || hasSlots(images)
      ? []
      : [override(imageParameters(image.figures))]),
  ];
}
