/**
 * Who may use the operators' API: tokens of 256 random bits, of which only the SHA-256 is kept. A token is
 * shown once, when it is made. A role says what its holder may do; `admin` may do all.
 */
import { hash } from 'node:crypto';
import { hex } from '@lapel/cbor';
import type { Clock, Peer, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { FleetStore, Role } from './store.ts';

export interface Access {
  /** @returns the token, which nobody will be told again. @throws {Problem} where the name is taken. */
  grant(name: string, granted: readonly Role[], actor: string): Promise<string>;
  /** @throws {Problem} where nobody has that name. */
  revoke(name: string, actor: string): Promise<void>;
  /** Whose token it is, without asking the store. */
  lookup(token: string): Peer | undefined;
  /** Where another process may have granted or revoked. */
  reload(): Promise<void>;
}

const tokenBytes = 32;
/** Of 256 bits in hexadecimal; longer texts are not hashed at all. */
const tokenLength = 2 * tokenBytes;
const grantsMax = 10_000;

export async function createAccess(store: FleetStore, clock: Clock, random: Random): Promise<Access> {
  const peers = new Map<string, Peer>();
  async function reload(): Promise<void> {
    const grants = await store.grants();
    peers.clear();
    for (const { hash: tokenHash, name, roles: granted } of grants)
      peers.set(hex(tokenHash), { id: name, roles: granted });
  }
  await reload();
  return {
    async grant(name, granted, actor) {
      if ([...peers.values()].some(({ id }) => id === name)) {
        throw new Problem('conflict', `expected a name that no token has yet, found ${name}`);
      }
      if (peers.size >= grantsMax) throw new Problem('conflict', `expected fewer than ${grantsMax} tokens`);
      const token = hex(random.bytes(tokenBytes));
      const tokenHash = hash('sha256', token, 'buffer');
      const atMs = clock.wallMs();
      await store.addGrant({ hash: tokenHash, name, roles: granted, createdMs: atMs }, { actor, atMs });
      peers.set(hex(tokenHash), { id: name, roles: granted });
      return token;
    },
    async revoke(name, actor) {
      const found = [...peers].find(([, peer]) => peer.id === name);
      if (found === undefined) throw new Problem('not-found', `expected the name of a token, found ${name}`);
      await store.removeGrant(name, { actor, atMs: clock.wallMs() });
      peers.delete(found[0]);
    },
    reload,
    lookup: (token) => (token.length === tokenLength ? peers.get(hash('sha256', token, 'hex')) : undefined),
  };
}
