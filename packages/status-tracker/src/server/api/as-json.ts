/**
 * What the operators' API and its readers see of devices and campaigns: plain JSON, times in milliseconds
 * since 1970.
 */
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { componentName, uuidText } from '@lapel/suit';
import type { CampaignView } from '../campaign.ts';
import { deadlineOf } from '../campaign.ts';
import { admissionText } from '../enrolment/enrolment-store.ts';
import type { DeviceView, Member, Totals } from '../fleet.ts';
import { addressed, conditionOf, runningVersion } from '../fleet.ts';
import type { Evidence } from '../store.ts';
import type * as answers from './answers.ts';
import type { Sent } from './answers.ts';

export function deviceJson(device: DeviceView): Sent<typeof answers.Device> {
  const { id, vendor, class: product, approval, updateMode, inventory, member, admission } = device;
  const { terms, characteristics } = device.statement ?? {};
  return {
    id,
    fingerprint: hex(digest('sha-256', device.publicKey)),
    vendor: uuidText(vendor),
    class: uuidText(product),
    approval,
    admittedBy: admission === undefined ? undefined : admissionText(admission),
    starts: device.starts,
    tags: device.tags === undefined ? undefined : { ...device.tags },
    updateMode,
    terms: terms === undefined ? undefined : { ...terms, transports: [...terms.transports] },
    characteristics:
      characteristics === undefined
        ? undefined
        : { ...characteristics, capabilities: hexOf(characteristics.capabilities) },
    state: conditionOf(device),
    version: runningVersion(inventory),
    imageBytesMax: inventory?.imageBytesMax,
    bootReason: inventory?.bootReason,
    bootVerified: inventory?.bootVerified,
    rollbackProtection: inventory?.rollbackProtection,
    loaderDigest: hexOf(inventory?.loaderDigest),
    refused: inventory?.refused,
    downtimeMs: inventory?.downtimeMs,
    expectedDowntimeMs: inventory?.expectedDowntimeMs,
    suspicion: inventory?.suspicion,
    newestSequenceNumber: inventory?.newestSequenceNumber,
    frozenSinceMs: inventory?.frozenSinceMs,
    batteryMilliwattHours: inventory?.batteryMilliwattHours,
    components: inventory?.components.map(({ component, manifestDigest, imageDigest, ...rest }) => ({
      component: componentName(component),
      manifestDigest: hex(manifestDigest),
      imageDigest: hexOf(imageDigest),
      ...rest,
    })),
    createdMs: device.createdMs,
    lastSeenMs: device.lastSeenMs,
    lastError: device.lastError,
    campaign: member === undefined ? undefined : memberJson(member),
  };
}

const hexOf = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : hex(bytes));

export const memberJson = ({
  campaign,
  device,
  status,
  generation,
  changedMs,
  because,
  offer,
}: Member): Sent<typeof answers.Member> => ({
  campaign,
  device,
  status,
  generation,
  changedMs,
  because,
  offer: offer === undefined ? undefined : { nonce: hex(offer.nonce), expiresMs: offer.expiresMs },
});

export function campaignJson(view: CampaignView, totals: Totals): Sent<typeof answers.Campaign> {
  const { id, campaign, target, state, because, generation, orderNumber, acceptedMs, actor } = view;
  return {
    id,
    name: campaign.name,
    state,
    because,
    manifestDigest: hex(target.digest),
    sequenceNumber: target.sequenceNumber,
    vendor: uuidText(campaign.vendor),
    class: uuidText(campaign.class),
    waves: campaign.waves,
    inFlightMax: campaign.inFlightMax,
    failureRateMax: campaign.failureRateMax,
    silenceMsMax: campaign.silenceMsMax,
    predicate: campaign.predicate,
    urgency: view.judged.urgency,
    urgencyBecause: view.judged.because,
    wave: view.progress.wave + 1,
    approvals: view.progress.approvals.length,
    approvalsNeeded: campaign.approvals ?? 0,
    deadlineMs: deadlineOf(view),
    createdMs: campaign.created,
    expiresMs: campaign.expires,
    acceptedMs,
    actor,
    generation,
    orderNumber,
    totals: { addressed: addressed(totals), ...totals },
  };
}

export const evidenceJson = ({ signed, ...evidence }: Evidence): Sent<typeof answers.Evidence> => ({
  ...evidence,
  signed: hex(signed),
});
