/**
 * Tenants: fleets that share a store and know nothing of each other. Who has a store of one can't name
 * another: the tenant is no argument of any method.
 */
import type { FleetStore } from './store.ts';

export interface Fleets {
  /** The fleet of a tenant, the same for the same name. @throws {RangeError} where it is no tenant's name. */
  of(tenant: string): FleetStore;
  close(): Promise<void>;
}

/** Safe in a path, a file name and a terminal. */
const tenantName = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const isTenantName = (text: string): boolean => tenantName.test(text);

/** @param make of a store whose rows are one tenant's; closing it is not its own business. */
export function fleetsOf(make: (tenant: string) => FleetStore, close: () => Promise<void>): Fleets {
  const fleets = new Map<string, FleetStore>();
  return {
    of(tenant) {
      const known = fleets.get(tenant);
      if (known !== undefined) return known;
      if (!isTenantName(tenant)) {
        throw new RangeError(`expected a tenant of lower case, digits and hyphens, found '${tenant}'`);
      }
      const fleet = make(tenant);
      fleets.set(tenant, fleet);
      return fleet;
    },
    close,
  };
}
