/**
 * A device that can holds its tracker to what operators have signed: an offer that none of them meant, for
 * this device and now, is refused with the reason, and silence about new releases does not go unnoticed.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { HeldTo, TrackerClient } from '@lapel/status-tracker/client';
import { createScrutiny, freshness } from '@lapel/status-tracker/client';
import type { Offer } from '@lapel/status-tracker/protocol';
import { becauseMax } from '@lapel/status-tracker/protocol';
import { TransportError } from '@lapel/transport';
import type { OnStep } from './step.ts';
import type { Consent, DeviceStatus, Permission, Waiting } from './update-source.ts';

export interface OperatorsWord {
  /** Checks in, with what the device has heard of the newest release. @throws {TransportError} */
  announce(status: DeviceStatus): Promise<void>;
  /** After a poll: takes in what it has named, and tells the tracker where that changes what is known. */
  listen(): Promise<void>;
  /** @returns undefined where it is refused, which the tracker is told. @throws {TransportError} */
  judge(offer: Offer): Promise<Guard | undefined>;
}

/** Whoever has waited for a word asks again whether the offer is still meant. */
export type Guard = (consent: Consent) => Consent;

interface Held {
  readonly client: TrackerClient;
  readonly operators?: HeldTo;
  readonly onStep?: OnStep;
}

export const followOperators = ({ operators, ...held }: Held): OperatorsWord =>
  operators === undefined ? noWord(held) : wordOf(held, operators);

/** It relies on who signed the manifest. */
const noWord = ({ client }: Held): OperatorsWord => ({
  announce: async (status) => void (await client.checkIn(status)),
  listen: async () => undefined,
  judge: async () => (consent) => consent,
});

function wordOf({ client, onStep }: Held, operators: HeldTo): OperatorsWord {
  const scrutiny = createScrutiny(client, operators);
  let status: DeviceStatus | undefined;
  let told = scrutiny.told();
  /** What has been said here of it: once at each start, and whenever it changes. */
  let shown: number | undefined;
  let refused: Uint8Array | undefined;

  async function announce(given: DeviceStatus): Promise<void> {
    status = given;
    const known = scrutiny.told();
    await client.checkIn({ ...given, ...known });
    told = known;
  }

  function show(frozenSinceMs: number | undefined): void {
    if (frozenSinceMs === shown) return;
    shown = frozenSinceMs;
    if (frozenSinceMs === undefined) return;
    const runs = Math.max(0, ...(status?.components ?? []).map(({ sequenceNumber }) => sequenceNumber));
    const { wallIsTrusted, wallMs } = operators.clock;
    onStep?.('may-be-frozen', freshness(operators.known(), runs, wallIsTrusted ? wallMs() : undefined));
  }

  async function listen(): Promise<void> {
    const disbelieved = await scrutiny.listen();
    if (disbelieved !== undefined) onStep?.('may-be-frozen', disbelieved);
    const now = scrutiny.told();
    show(now.frozenSinceMs);
    const isSame =
      now.frozenSinceMs === told.frozenSinceMs && now.newestSequenceNumber === told.newestSequenceNumber;
    if (isSame || status === undefined) return;
    const known = status;
    await unlessAway(() => announce(known));
  }

  /** Told once; whoever offers it all the same is not answered again. */
  async function refuse(offer: Offer, objection: string): Promise<void> {
    if (refused !== undefined && equalInConstantTime(refused, offer.nonce)) return;
    onStep?.('offer-refused', objection);
    const because = objection.slice(0, becauseMax).toWellFormed();
    if (await unlessAway(() => client.answer(offer, { decision: 'refused', because }))) refused = offer.nonce;
  }

  async function isMeant(offer: Offer, asked: DeviceStatus | undefined): Promise<boolean> {
    const objection = await scrutiny.objectionTo(offer, asked);
    if (objection !== undefined) await refuse(offer, objection);
    return objection === undefined;
  }

  return {
    announce,
    listen,
    async judge(offer) {
      // As it was when it was offered: what it does because of the offer does not speak against it.
      const asked = status;
      if (!(await isMeant(offer, asked))) return undefined;
      return guardWith(() => isMeant(offer, asked));
    },
  };
}

const guardWith =
  (isStillMeant: () => Promise<boolean>): Guard =>
  (consent) => {
    const asked = async (permission: Permission): Promise<Permission> =>
      permission === 'withdrawn' || (await isStillMeant()) ? permission : 'withdrawn';
    return {
      beforeFetch: async (waiting: Waiting) => asked(await consent.beforeFetch(waiting)),
      beforeInstall: async (waiting: Waiting) => asked(await consent.beforeInstall(waiting)),
    };
  };

/** Whether it was answered, with whatever: another try is worth it only where it was not. */
async function unlessAway(exchange: () => Promise<unknown>): Promise<boolean> {
  try {
    await exchange();
    return true;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    return error.kind === 'refused' || error.kind === 'malformed';
  }
}
