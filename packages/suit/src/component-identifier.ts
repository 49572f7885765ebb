/** Component identifiers (draft-ietf-suit-manifest-37 §8.4.5.1): parts of a path, outermost first. */

import type { Infer } from '@lapel/cbor';
import { array, bytes } from '@lapel/cbor';

const identifierPartsMax = 16;

export const ComponentIdentifier = array(bytes(0, 256), { max: identifierPartsMax });
export type ComponentIdentifier = Infer<typeof ComponentIdentifier>;
