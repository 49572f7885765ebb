/** A manifest that a described one needs (draft-ietf-suit-trust-domains-12 §5.2.2). */

import { identifier, path, uri } from './common-shapes.ts';
import type { DependencyDescription } from './description.ts';
import { fields, optional, required, told } from './fields.ts';
import type { Shape } from './shape.ts';
import { flag, mapped } from './shape.ts';

export const dependency: Shape<DependencyDescription> = mapped(
  fields('a dependency', {
    id: required('The component that holds its envelope.', identifier, 'id: radio-manifest'),
    envelope: required('Path of its envelope, signed by its author.', path, 'envelope: radio.suit'),
    uri: optional('Where devices fetch the envelope. Default: from the firmware server, by its digest.', uri),
    integrated: optional('Its envelope travels inside this one.', flag),
    prefix: optional('What stands before its component identifiers on the device.', identifier),
  }),
  ({ value: { id, envelope, integrated, ...rest } }) => ({
    id,
    envelope,
    integrated: integrated === true,
    ...told(rest),
  }),
);
