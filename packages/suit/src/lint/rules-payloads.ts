/** Rules about where payloads come from, and how urgent they are. */

import { rule } from './rule.ts';

export const payloadRules = {
  'integrated-missing': rule(
    'error',
    'manifest-37 §7.5',
    'a payload that a URI names in the envelope is there',
    'add the payload to the envelope',
  ),
  'integrated-unused': rule(
    'warning',
    'manifest-37 §7.5',
    'a payload in the envelope is fetched',
    'take the payload out, or fetch it by its name',
  ),
  'integrated-digest': rule(
    'error',
    'manifest-37 §7.5',
    'a payload in the envelope is the image that the manifest has the digest of',
    'put the image into the envelope that the digest was made of',
  ),
  'uri-scheme': rule(
    'error',
    'RFC 9124 §4.3.19',
    'a URI leads over a network',
    'use coap, coaps, http or https, or a reference relative to the manifest',
  ),
  'uri-host': rule(
    'error',
    'RFC 9124 §4.3.19',
    'a URI leads to a server, not to the device itself or to what is beside it',
    'use the name of the server that devices fetch from',
  ),
  'uri-credentials': rule(
    'warning',
    'RFC 3986 §3.2.1',
    'a URI holds no password',
    'take the user and the password out: everybody who has the manifest reads them',
  ),
  'no-priority': rule(
    'note',
    'update-management-14 §4.3',
    'an update says how urgent it is',
    'set update-priority',
  ),
  'no-creation-time': rule(
    'note',
    'manifest-37 §8.4.2',
    'the sequence number is the time of the making, in seconds since 1970',
    'use the time as the sequence number: sequence: now',
  ),
} as const;
