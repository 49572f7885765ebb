/** What an operator decides of devices: who is known, let in, kept out, and what they are called by. */
import { compareBytes, write } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { SharedSecret, encodeVerificationKey } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { channelName } from './channels.ts';
import type { DeviceView, TagChange } from './fleet.ts';
import type { Notify } from './notify.ts';
import type { FleetStore } from './store.ts';

export interface Provision {
  readonly id: string;
  readonly key: VerificationKey;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  /** What it shares with its servers, where it speaks OSCORE. */
  readonly channel?: SharedSecret;
}

export interface DeviceDesk {
  /**
   * @returns whether it is new.
   * @throws {Problem} where the id has another key, or the key another id, or the device is retired.
   */
  provision(device: Provision, actor: string): Promise<boolean>;
  /** Also one that was frozen or retired. @throws {Problem} where there is no such device. */
  approve(device: string, actor: string): Promise<void>;
  /** It gets nothing until it is approved again. @throws {Problem} where it is not in the fleet. */
  freeze(device: string, because: string, actor: string): Promise<void>;
  /** It is of the fleet no more: sold, broken, stolen. @throws {Problem} where it is not in the fleet. */
  retire(device: string, because: string, actor: string): Promise<void>;
  /** Calls devices by other tags. @throws {Problem} where one is not there, or would have too many. */
  tag(devices: readonly string[], change: TagChange, actor: string): Promise<readonly string[]>;
}

export interface DeviceDeskOptions {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly notify: Pick<Notify, 'forget' | 'withdrawFrom'>;
}

/** @throws {Problem} where there is no such device. */
export async function deviceIn(store: FleetStore, id: string): Promise<DeviceView> {
  const device = await store.device(id);
  if (device === undefined) throw new Problem('not-found', `expected the id of a device, found ${id}`);
  return device;
}

export function createDeviceDesk({ store, clock, notify }: DeviceDeskOptions): DeviceDesk {
  const by = (actor: string) => ({ actor, atMs: clock.wallMs() });

  async function share(device: string, channel: SharedSecret, actor: string): Promise<void> {
    // RFC 8613 §3.3.
    if (compareBytes(channel.sender, channel.recipient) === 0)
      throw new Problem('bad-request', 'expected two ids, of sender and recipient, found one twice');
    const kept = { device, name: channelName(channel), secret: write(SharedSecret, channel) };
    if (await store.keepChannel(kept, by(actor))) return;
    throw new Problem('conflict', `expected a sender id of its own for ${device}, found another's`);
  }

  /** What is done already is done. @throws {Problem} where it can't be. */
  async function requireDone(id: string, done: readonly string[], as: DeviceView['approval']): Promise<void> {
    if (done.length > 0) return;
    const { approval } = await deviceIn(store, id);
    if (approval === as) return;
    throw new Problem('conflict', `expected a device of the fleet, found ${id}, which is ${approval}`);
  }

  return {
    async provision({ id, key, vendor, class: product, channel }, actor) {
      const publicKey = encodeVerificationKey(key);
      const device = { id, publicKey, kid: key.kid, vendor, class: product, approval: 'approved' } as const;
      const [added] = await store.addDevices([device], by(actor));
      if (added === 'other-key')
        throw new Problem('conflict', `expected the key that ${id} has, found another`);
      if (added === 'key-in-use')
        throw new Problem('conflict', `expected a key of its own for ${id}, found another's`);
      if (added === 'known' && (await deviceIn(store, id)).approval === 'retired')
        throw new Problem('conflict', `expected a device that is not retired, found ${id}: approve it`);
      if (channel !== undefined) await share(id, channel, actor);
      await store.joinOpen(id, clock.wallMs());
      return added === 'added';
    },
    async approve(id, actor) {
      await deviceIn(store, id);
      await store.approve([id], by(actor));
      await store.joinOpen(id, clock.wallMs());
    },
    async freeze(id, because, actor) {
      const done = await store.freeze([id], { ...by(actor), because });
      await requireDone(id, done, 'frozen');
      notify.withdrawFrom(id);
    },
    async retire(id, because, actor) {
      const done = await store.retire([id], { ...by(actor), because });
      await requireDone(id, done, 'retired');
      notify.forget(id);
    },
    async tag(ids, change, actor) {
      for (const id of ids) await deviceIn(store, id);
      return store.tag(ids, change, by(actor));
    },
  };
}
