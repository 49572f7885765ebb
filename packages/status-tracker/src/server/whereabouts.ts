/**
 * Whether a store's fleet is there at all: it may be on its way from another store, or have moved to one. Who
 * is on its way is served nowhere; who has moved, only where it went.
 */
import type { Sql } from './sql.ts';

export interface Whereabouts {
  readonly fleet: 'here' | 'arriving' | 'gone';
  /** The other store, as an operator calls it. */
  readonly other?: string;
}

export interface WhereaboutsStore {
  whereabouts(): Promise<Whereabouts>;
}

export const here: WhereaboutsStore = { whereabouts: async () => ({ fleet: 'here' }) };

/** How far a move is: the source's states, then the target's. */
export const moveStates = {
  /** Served, and copied at the same time. */
  copying: 'here',
  /** It takes in nothing any more. */
  closed: 'gone',
  /** It has been copied; the target may be open. */
  opening: 'gone',
  moved: 'gone',
  filling: 'arriving',
  open: 'here',
} as const satisfies Readonly<Record<string, Whereabouts['fleet']>>;

export type MoveState = keyof typeof moveStates;

export const sqlWhereabouts = (sql: Sql): WhereaboutsStore => ({
  async whereabouts() {
    const row = await sql.get('SELECT state, other FROM fleet_move');
    if (row === undefined) return { fleet: 'here' };
    const [state, other] = [String(row['state']), String(row['other'])];
    return { fleet: isState(state) ? moveStates[state] : 'gone', other };
  },
});

export const isState = (state: string): state is MoveState => Object.hasOwn(moveStates, state);
