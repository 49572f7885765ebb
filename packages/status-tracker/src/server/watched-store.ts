/** A store that tells whoever watches of the devices that it keeps out, whatever has decided that. */
import type { Barred, Barring } from './barred.ts';
import { certificateRevoked } from './enrolment/enrolment-store.ts';
import type { FleetStore } from './store.ts';
import type { Watch } from './watch.ts';
import { barredChange } from './watch.ts';

export function watchedStore(store: FleetStore, watch: Watch): FleetStore {
  function tell(barred: readonly string[], as: Barred, why: Barring): readonly string[] {
    for (const device of barred) watch.tell(barredChange({ kind: as, device, ...why }));
    return barred;
  }
  return {
    ...store,
    freeze: async (ids, why) => tell(await store.freeze(ids, why), 'frozen', why),
    retire: async (ids, why) => tell(await store.retire(ids, why), 'retired', why),
    revokeCertificates: async (name, serials, by) =>
      tell(await store.revokeCertificates(name, serials, by), 'frozen', {
        ...by,
        because: certificateRevoked,
      }),
  };
}
