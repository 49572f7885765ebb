/** A device with components of two authors, as it leaves the factory. */

import { trustedApplications } from '@lapel/device';
import { twoAuthors, workshop } from '@lapel/simulator';

export const made = workshop(5);
export const profile = trustedApplications({ imagePages: 4 });
export const { layout } = profile;
const authors = twoAuthors(profile, made.author);
export const [firmware, firmwareManifest, application, applicationManifest] = authors.components;
export const { applicationAuthor, update } = authors;
export const factory = made.device(profile, [await made.release(1, [firmware, 3001])], {
  anchors: authors.anchors,
});
