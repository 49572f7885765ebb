/** Which kind of device is meant, by vendor and class on a command line (manifest-37 §8.4.8.2). */

import { classIdentifier, uuidBytes, vendorIdentifier } from '@lapel/suit';

/** A UUID as it is, any other text as a name that one is made from. */
export function deviceKind(named: { readonly vendor: string; readonly class: string }) {
  const vendor = uuidBytes(named.vendor) ?? vendorIdentifier(named.vendor);
  return { vendor, class: uuidBytes(named.class) ?? classIdentifier(vendor, named.class) };
}
