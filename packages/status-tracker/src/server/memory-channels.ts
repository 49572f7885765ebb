/** Secrets that are shared with devices, in memory. */
import type { AuditTrail } from './audit.ts';
import type { Channel, ChannelStore } from './channel-store.ts';
import { keptAct } from './channel-store.ts';

export function memoryChannels(audit: AuditTrail): ChannelStore {
  const byName = new Map<string, { readonly channel: Channel; next: number }>();
  return {
    async keepChannel(channel, by) {
      const { device, name } = channel;
      if ((byName.get(name)?.channel.device ?? device) !== device) return false;
      const next = byName.get(name)?.next ?? 0;
      for (const [known, before] of byName) if (before.channel.device === device) byName.delete(known);
      byName.set(name, { channel, next });
      audit.push({ ...by, act: keptAct, subject: device });
      return true;
    },
    channel: async (name) => byName.get(name)?.channel,
    async takeNumbers(name, count, least) {
      const found = byName.get(name);
      if (found === undefined) return undefined;
      const first = Math.max(found.next, least);
      found.next = first + count;
      return first;
    },
  };
}
