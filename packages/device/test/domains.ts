/** A device with components of two authors, as it leaves the factory. */

import { encodeWrappingKey, generateWrappingKey } from '@lapel/cose';
import { trustedApplications } from '@lapel/device';
import { twoAuthors, workshop } from '@lapel/simulator';

export const made = workshop(5);
export const profile = trustedApplications({ imagePages: 4 });
export const { layout } = profile;
const authors = twoAuthors(profile, made.author);
export const [firmware, firmwareManifest, application, applicationManifest] = authors.components;
export const { applicationAuthor, update } = authors;
/** The device's own, for what nobody else may read. */
export const deviceKey = generateWrappingKey('A128KW');
export const factory = made.device(profile, [await made.release(1, [firmware, 3001])], {
  anchors: authors.anchors,
  decryptionKeys: [encodeWrappingKey(deviceKey)],
});
