/**
 * A communicator (ITU-T X.secup-iot): it stands between device cores that have only a line, and the
 * network. It asks each how it is, asks the tracker in the core's name whether there is anything new, and
 * wakes only those for which there is. What they then say and fetch it carries, and vouches for nothing:
 * cores prove what they install, the tracker what it is told.
 */
import type { Clock, Handler, Random } from '@lapel/transport';
import { TransportError, bytesBody, routes } from '@lapel/transport';
import type { CoreStatus } from '@lapel/status-tracker/protocol';
import { createCoreCare } from './communicator-core.ts';

export interface CoreLine {
  /** What an operator calls it. */
  readonly name: string;
  /** Makes the line's other end answer by `serve`. @returns what asks the core. */
  connect(serve: Handler): { readonly ask: Handler; close(): void };
}

export interface CommunicatorOptions {
  readonly lines: readonly CoreLine[];
  /** The tracker and the firmware server, or a gateway before them. */
  readonly upstream: Handler;
  readonly clock: Clock;
  readonly random: Random;
  /** Between two looks at a core. */
  readonly pollMs: number;
  /** For an operator. */
  readonly onNotice?: (line: string, text: string) => void;
  /** Told of a core whenever it runs, does or was woken for something else than before. */
  readonly onSeen?: (standing: CoreStanding) => void;
  readonly onBug: (error: unknown) => void;
}

/** What is known of a core, from its own mouth and from its line. */
export interface CoreStanding {
  readonly line: string;
  readonly status: CoreStatus | undefined;
  /** Since the communicator began; undefined before the first word. */
  readonly heardMs: number | undefined;
  /** Why the last look at it failed. */
  readonly failure: string | undefined;
  /** How often it was woken for an update. */
  readonly woken: number;
}

export interface Communicator {
  /** Looks at each core once. */
  look(signal: AbortSignal): Promise<void>;
  /** Looks at each again and again, until the signal. */
  run(signal: AbortSignal): Promise<void>;
  standing(): readonly CoreStanding[];
  /** What it tells whoever is beside it: its cores, and what it can. */
  readonly handler: Handler;
  close(): void;
}

/** Each with a line of its own, which is a device file or a socket. */
const linesMax = 256;

export function createCommunicator(options: CommunicatorOptions): Communicator {
  const { lines, clock, random, pollMs, onNotice = () => undefined, onBug } = options;
  if (lines.length > linesMax)
    throw new RangeError(`expected at most ${linesMax} lines, found ${lines.length}`);
  const cores = lines.map((line) => ({ line, ...createCoreCare(line, options), failed: '', seen: '' }));

  /** A core that is silent, or talks nonsense, keeps nobody else waiting. */
  async function lookAt(core: (typeof cores)[number], signal: AbortSignal): Promise<void> {
    try {
      await core.look(signal);
      core.failed = '';
      const seen = { line: core.line.name, ...core.standing(), failure: undefined };
      const now = JSON.stringify(shown({ ...seen, heardMs: undefined }));
      if (now !== core.seen) options.onSeen?.(seen);
      core.seen = now;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (core.failed !== error.message) onNotice(core.line.name, error.message);
      core.failed = error.message;
    }
  }

  async function care(core: (typeof cores)[number], signal: AbortSignal): Promise<void> {
    for (;;) {
      await lookAt(core, signal);
      // Jitter: communicators that were started together do not ask together.
      await clock.sleep(pollMs * (0.5 + random.fraction()), signal);
    }
  }

  const standing = () =>
    cores.map(({ line, standing: known, failed }) => ({
      line: line.name,
      ...known(),
      failure: failed === '' ? undefined : failed,
    }));

  return {
    look: async (signal) => void (await Promise.all(cores.map((core) => lookAt(core, signal)))),
    run: async (signal) => void (await Promise.all(cores.map((core) => care(core, signal)))),
    standing,
    handler: routes(
      {
        'GET /cores': async () => json(standing().map(shown)),
        'GET /communicator/capabilities': async () => json(capabilities),
      },
      { onBug },
    ),
    close() {
      for (const { close } of cores) close();
    },
  };
}

/** What it can, for machines: each by the resource of another that it uses, or its own that shows it. */
const capabilities = {
  entity: 'communicator',
  capabilities: {
    'query-status': 'GET /core',
    'list-cores': 'GET /cores',
    'ask-for-update': 'GET /offers/{device}',
    'start-update': 'POST /core/look',
    'relay-status': 'POST /check-in',
    'relay-manifest': 'GET /manifests/{digest}',
    'relay-payload': 'GET /payloads/{digest}',
    'relay-result': 'POST /reports',
  },
} as const;

const shown = ({ line, status, heardMs, failure, woken }: CoreStanding) => ({
  line,
  ...(status === undefined
    ? {}
    : {
        device: status.device,
        state: status.state,
        sequenceNumbers: status.components.map(({ sequenceNumber }) => sequenceNumber),
      }),
  ...(heardMs === undefined ? {} : { heardMs }),
  ...(failure === undefined ? {} : { failure }),
  woken,
});

function json(value: unknown) {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  const body = bytesBody(bytes);
  return { status: 'ok', contentType: 'application/json', size: bytes.length, body } as const;
}
