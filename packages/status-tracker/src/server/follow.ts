/** Memory and watchers follow the store: what was written here or by others, and all of it at a start. */
import { hex } from '@lapel/cbor';
import { Problem } from '@lapel/transport';
import type { Access } from './access.ts';
import type { CampaignView } from './campaign.ts';
import type { CarryOutOptions } from './carry-out.ts';
import { completion } from './carry-out.ts';
import type { Change } from './fleet.ts';
import { isLive } from './fleet.ts';
import type { News } from './news.ts';
import type { Notify } from './notify.ts';
import { termsOf } from './session-terms.ts';
import type { FleetStore, LiveOf, LiveOffer } from './store.ts';
import type { Watch } from './watch.ts';
import { barredChange, campaignChange, deviceChange } from './watch.ts';

export interface Memory extends Pick<CarryOutOptions, 'releases' | 'statements' | 'servers'> {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly watch: Watch;
}

/** The sessions, and the offers that are out. */
export async function restore(memory: Memory): Promise<void> {
  await restoreSessions(memory);
  await serveLive(memory);
}

/** @param of one device's, where it is named. */
async function restoreSessions({ store, notify }: Memory, of?: string): Promise<void> {
  for (const session of await store.sessions(of)) {
    notify.setSession(session.device, session.tokenHash, termsOf(session, session.statement));
  }
}

/** After an operator's order: what the campaign has out is served again, or no more. */
export async function serveOffers(memory: Memory, view: CampaignView): Promise<void> {
  memory.notify.withdrawAll(view.id);
  if (view.state === 'running') await serveLive(memory, { campaign: view.id });
}

/** What is out, of one campaign or one device where they are named. */
async function serveLive(memory: Memory, of: LiveOf = {}): Promise<void> {
  const devices = Map.groupBy(await memory.store.liveOffers(of), ({ campaign }) => campaign);
  for (const [campaign, offers] of devices) {
    const view = await memory.store.campaign(campaign);
    if (view !== undefined) await serve(memory, view, offers, { ...of, campaign });
  }
}

/**
 * Devices go on meanwhile: what ends an offer after it was read would withdraw it before it is served. So all
 * that is to be waited for comes first, and what is out is read again; what is not out any more when it is
 * served, which only another process can bring about, is taken back.
 */
async function serve(
  memory: Memory,
  view: CampaignView,
  found: readonly LiveOffer[],
  of: LiveOf,
): Promise<void> {
  const { store, notify } = memory;
  const devices = found.map(({ device }) => device);
  const complete = await completion(view, devices, memory);
  const served = await store.liveOffers(of);
  for (const offer of complete(served)) notify.setOffer(offer);
  const still = new Set((await store.liveOffers(of)).map(({ nonce }) => hex(nonce)));
  for (const { device, nonce } of served) {
    const isOver = !still.has(hex(nonce)) && notify.offerOf(device, nonce) !== undefined;
    if (isOver) notify.withdraw(device, view.id);
  }
}

export function followChanges(changes: readonly Change[], { notify, watch }: Memory): void {
  for (const change of changes) {
    if (!isLive(change.to)) notify.withdraw(change.device, change.campaign);
    watch.tell(deviceChange(change));
  }
}

export interface Others {
  readonly access: Access;
  readonly nowMs: () => number;
  readonly onBug: (error: unknown) => void;
}

export interface Following {
  /** Reads all anew where news could not be followed; does nothing elsewhere. @throws {Problem} */
  catchUp(): Promise<void>;
  end(): Promise<void>;
}

/**
 * What other processes write, one after the other. News come once: where the store can't be asked what they
 * mean, which a database that is restarted can't, memory is behind until all of it has been read again.
 */
export async function followOthers(memory: Memory, others: Others): Promise<Following> {
  let last = Promise.resolve();
  let isBehind = false;

  async function take(news: readonly News[]): Promise<void> {
    try {
      for (const each of news) await obey(each, memory, others);
    } catch (error) {
      isBehind = true;
      if (!(error instanceof Problem)) others.onBug(error);
    }
  }

  const end = await memory.store.follow((news) => {
    last = last.then(async () => take(news));
  });
  return {
    async catchUp() {
      await last;
      if (!isBehind) return;
      isBehind = false;
      const caughtUp = obey({ kind: 'missed' }, memory, others);
      // What comes meanwhile has its turn after it.
      last = caughtUp.catch(() => void (isBehind = true));
      await caughtUp;
    },
    async end() {
      await end();
      await last;
    },
  };
}

async function obey(news: News, memory: Memory, others: Others): Promise<void> {
  const { store, notify, watch } = memory;
  if (news.kind === 'session') {
    await restoreSessions(memory, news.device);
  } else if (news.kind === 'change') {
    followChanges([news.change], memory);
    if (isLive(news.change.to)) await serveLive(memory, { device: news.change.device });
  } else if (news.kind === 'campaign') {
    const view = await store.campaign(news.id);
    if (view === undefined) return;
    await serveOffers(memory, view);
    watch.tell(campaignChange(view, others.nowMs()));
  } else if (news.kind === 'frozen' || news.kind === 'retired') {
    if (news.kind === 'frozen') notify.withdrawFrom(news.device);
    else notify.forget(news.device);
    watch.tell(barredChange(news));
  } else if (news.kind === 'forgotten') {
    notify.forget(news.device);
  } else if (news.kind === 'tokens') {
    await others.access.reload();
  } else if (news.kind === 'newest') {
    await memory.statements.reload();
  } else {
    await others.access.reload();
    await memory.statements.reload();
    // Of any campaign: what was missed may be that it is over.
    notify.withdrawAll();
    await restore(memory);
  }
}
