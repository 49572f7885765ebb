/** A manifest that a described one needs (draft-ietf-suit-trust-domains-12 §5.2.2). */

import { identifier, path, recipients, uri } from './common-shapes.ts';
import type { DependencyDescription } from './description.ts';
import { contentAlgorithmNames } from './encrypt-payload.ts';
import { fields, needs, optional, required, told } from './fields.ts';
import type { Shape } from './shape.ts';
import { choice, flag, mapped } from './shape.ts';

export const dependency: Shape<DependencyDescription> = mapped(
  fields(
    'a dependency',
    {
      id: required('The component that holds its envelope.', identifier, 'id: radio-manifest'),
      envelope: required('Path of its envelope, signed by its author.', path, 'envelope: radio.suit'),
      uri: optional(
        'Where devices fetch the envelope. Default: from the firmware server, by its digest.',
        uri,
      ),
      integrated: optional('Its envelope travels inside this one.', flag),
      encryptFor: optional(
        'Keys of the devices that may read its envelope: secrets for key wrap, public keys on P-256.',
        recipients,
      ),
      encryption: optional('With which it is encrypted.', choice(contentAlgorithmNames)),
      prefix: optional('What stands before its component identifiers on the device.', identifier),
    },
    [needs(['encryption'], ['encryptFor'], () => 'expected encryptFor beside encryption, found none')],
  ),
  ({ value: { id, envelope, integrated, encryptFor, encryption = 'A128GCM', uri: at, prefix } }) => ({
    id,
    envelope,
    integrated: integrated === true,
    ...told({
      uri: at,
      prefix,
      encryption: encryptFor === undefined ? undefined : { algorithm: encryption, recipients: encryptFor },
    }),
  }),
);
