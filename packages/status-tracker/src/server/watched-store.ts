/** A store that tells whoever watches of the devices that it freezes, whatever has decided that. */
import { certificateRevoked } from './enrolment/enrolment-store.ts';
import type { Act, FleetStore } from './store.ts';
import type { Watch } from './watch.ts';
import { frozenChange } from './watch.ts';

export function watchedStore(store: FleetStore, watch: Watch): FleetStore {
  function tell(frozen: readonly string[], because: string, { atMs }: Act): readonly string[] {
    for (const id of frozen) watch.tell(frozenChange(id, because, atMs));
    return frozen;
  }
  return {
    ...store,
    freeze: async (ids, because, by) => tell(await store.freeze(ids, because, by), because, by),
    revokeCertificates: async (name, serials, by) =>
      tell(await store.revokeCertificates(name, serials, by), certificateRevoked, by),
  };
}
