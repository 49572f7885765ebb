/**
 * Approvals: a campaign that asks for them waits until as many persons as it says have signed its every
 * byte, besides the one who signed it. Two keys of one person are one voice, and whoever wrote a release
 * does not roll it out alone.
 */
import { compareBytes, hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { VerificationKey } from '@lapel/cose';
import { Problem } from '@lapel/transport';
import { CampaignApproval } from '../protocol.ts';
import type { CampaignView } from './campaign.ts';
import { openOperators } from './campaign.ts';
import { approvalsMax } from './campaign-terms.ts';
import type { Approving, Persons } from './persons.ts';
import { personOf } from './persons.ts';

/** @throws {Problem} where it is not an operator's, or not of this campaign. */
export function acceptApproval(
  signed: Uint8Array,
  view: CampaignView,
  { operators, persons }: { readonly operators: readonly VerificationKey[]; readonly persons: Persons },
): Approving {
  const { message, signer } = openOperators(CampaignApproval, signed, operators, 'approval');
  const of = hex(message.campaign);
  if (of !== view.id) throw refusal(`expected an approval of campaign ${view.id}, found one of ${of}`);
  if (compareBytes(message.digest, digest('sha-256', view.signed)) !== 0) {
    throw refusal('expected the digest of the campaign as it was signed, found another');
  }
  const person = personOf(persons, signer);
  if (person === view.progress.person) {
    throw new Problem('forbidden', `expected somebody else than ${person}, who signed the campaign`);
  }
  return { person, signer };
}

/** A campaign with one more voice; the same where the person has spoken already. */
export function approved(view: CampaignView, voice: Approving): CampaignView {
  const { approvals } = view.progress;
  if (approvals.some(({ person }) => person === voice.person) || approvals.length >= approvalsMax)
    return view;
  const progress = { ...view.progress, approvals: [...approvals, voice] };
  const isEnough = progress.approvals.length >= (view.campaign.approvals ?? 0);
  const state = view.state === 'proposed' && isEnough ? 'running' : view.state;
  return { ...view, progress, state, generation: view.generation + 1 };
}

const refusal = (detail: string) => new Problem('unprocessable', detail);
