/**
 * The state machine of LwM2M's Firmware Update object (/5, version 1.2), as a table: in which state what may
 * happen, and where it leads. It is pure; what is not in the table is refused and changes nothing.
 *
 * The definition leaves three things open, and here they are so: what is pushed or pulled counts as
 * Downloaded once it has been proved and lies in flash with all that it names; Update Result 8 ends in Idle,
 * for an image that did not prove itself is never tried again as it lies; and neither Cancel nor an empty
 * Package reaches a device that has begun to install, as the definition says of Cancel.
 */

/** Resource 5/0/3. */
export const states = { idle: 0, downloading: 1, downloaded: 2, updating: 3 } as const;
export type State = keyof typeof states;

/** Resource 5/0/5. */
export const results = {
  initial: 0,
  updated: 1,
  'not-enough-flash': 2,
  'out-of-ram': 3,
  'connection-lost': 4,
  'integrity-failure': 5,
  'unsupported-package': 6,
  'invalid-uri': 7,
  'update-failed': 8,
  'unsupported-protocol': 9,
  cancelled: 10,
  deferred: 11,
} as const;
export type Result = keyof typeof results;
export type Failure = Exclude<Result, 'initial' | 'updated' | 'cancelled' | 'deferred'>;

export interface Machine {
  readonly state: State;
  readonly result: Result;
  /** While Downloaded: Update has been executed, and the device begins when it may. */
  readonly isAccepted: boolean;
}

/** What a server asks for comes first, what the device finds out behind it. */
export type Event =
  | { readonly name: 'package' }
  | { readonly name: 'package-uri' }
  /** An empty Package, or an empty Package URI. */
  | { readonly name: 'reset' }
  | { readonly name: 'update' }
  | { readonly name: 'cancel' }
  | { readonly name: 'downloaded' }
  | { readonly name: 'deferred' }
  | { readonly name: 'updating' }
  | { readonly name: 'updated' }
  | { readonly name: 'failed'; readonly result: Failure };

export const initial: Machine = { state: 'idle', result: 'initial', isAccepted: false };

type Move = Machine | ((before: Machine, event: Event) => Machine | undefined);

const to = (state: State, result: Result = 'initial', isAccepted = false): Machine => ({
  state,
  result,
  isAccepted,
});

const failed: Move = (_, event) => (event.name === 'failed' ? to('idle', event.result) : undefined);
/** An Update that was deferred stays accepted, and is not deferred less by being asked for again. */
const accepted: Move = ({ result }) => to('downloaded', result, true);
const ifAccepted =
  (next: Machine): Move =>
  ({ isAccepted }) =>
    isAccepted ? next : undefined;

const table: Readonly<Record<State, Readonly<Partial<Record<Event['name'], Move>>>>> = {
  idle: {
    package: to('downloading'),
    'package-uri': to('downloading'),
    reset: to('idle'),
  },
  downloading: {
    reset: to('idle'),
    cancel: to('idle', 'cancelled'),
    downloaded: to('downloaded'),
    // What runs already, or brought nothing that has to be booted.
    updated: to('idle', 'updated'),
    failed,
  },
  downloaded: {
    reset: to('idle'),
    update: accepted,
    cancel: to('idle', 'cancelled'),
    deferred: ifAccepted(to('downloaded', 'deferred', true)),
    updating: ifAccepted(to('updating')),
    // Flash may lose what it held, and the manifest's own conditions may no longer hold.
    failed,
  },
  updating: {
    updated: to('idle', 'updated'),
    failed,
  },
};

/** The next state; undefined where this must not happen now. */
export function step(before: Machine, event: Event): Machine | undefined {
  const move = table[before.state][event.name];
  return typeof move === 'function' ? move(before, event) : move;
}

/** The states in which such an event may happen, for whoever is refused. */
export const statesFor = (name: Event['name']): readonly State[] =>
  (Object.keys(states) as State[]).filter((state) => table[state][name] !== undefined);
