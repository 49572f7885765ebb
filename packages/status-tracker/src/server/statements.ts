/**
 * What operators have signed, for devices that hold the tracker to it: the campaigns behind the offers that
 * are out, and the last word on which release of a class is the newest. Each goes by the SHA-256 of the
 * signed bytes, so that a device fetches it once and any cache may serve it.
 */
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { CampaignView } from './campaign.ts';
import type { Newest, NewestStore } from './newest-store.ts';
import { lineOf } from './newest-store.ts';
import type { FleetStore } from './store.ts';

export interface Statements {
  /** The campaign's digest; from now on it is found by that. */
  offered(view: CampaignView): Uint8Array;
  /** The last word on a class (`lineOf`): the same object until there is another. */
  newestOf(line: string): Newest | undefined;
  find(digest: Uint8Array): Promise<Uint8Array | undefined>;
  /** Reads again what others may have written. */
  reload(): Promise<void>;
}

/** Far more than are ever open at a time; one that is forgotten is remembered with its next offer. */
const campaignsMax = 4_096;

export async function createStatements(
  store: Pick<FleetStore, 'campaign' | keyof NewestStore>,
): Promise<Statements> {
  const digests = new Map<string, Uint8Array>();
  const campaigns = new Map<string, string>();
  const newest = new Map<string, Newest>();
  const words = new Map<string, Newest>();

  function remember({ id, signed }: CampaignView): Uint8Array {
    const [oldest] = digests.keys();
    if (digests.size >= campaignsMax && oldest !== undefined) {
      campaigns.delete(hex(digests.get(oldest) ?? new Uint8Array()));
      digests.delete(oldest);
    }
    const found = digest('sha-256', signed);
    digests.set(id, found);
    campaigns.set(hex(found), id);
    return found;
  }

  async function reload(): Promise<void> {
    for (const each of await store.newest()) {
      const line = lineOf(each);
      const known = newest.get(line);
      if (known !== undefined && hex(known.digest) === hex(each.digest)) continue;
      if (known !== undefined) words.delete(hex(known.digest));
      newest.set(line, each);
      words.set(hex(each.digest), each);
    }
  }

  await reload();
  return {
    offered: (view) => digests.get(view.id) ?? remember(view),
    newestOf: (line) => newest.get(line),
    async find(wanted) {
      const name = hex(wanted);
      const id = campaigns.get(name);
      return id === undefined ? words.get(name)?.signed : (await store.campaign(id))?.signed;
    },
    reload,
  };
}
