/**
 * The Recipient (RFC 9019 §2.2): a device that proves a firmware before it runs it, and goes back to the
 * old one if the new one does not prove itself. Three parts share one flash and one journal: the bootloader
 * (`boot`) chooses and verifies at every start, offline and synchronous, and takes a signed firmware over a
 * line (`recover`) where nothing verifies; the agent (`runAgent`) fetches, installs, confirms and reports;
 * the trust store says whom both believe. What a board gives is `Board`.
 */

export { runAgent } from './agent.ts';
export type { AgentOptions, Downtime, Interruption } from './agent-options.ts';
export type { Board, Counter, Watchdog } from './board.ts';
export type { Conditions } from './conditions.ts';
export { createCoreService } from './core-service.ts';
export type { CoreService, CoreServiceOptions } from './core-service.ts';
export { expectedDowntimeMs } from './downtime.ts';
export { boot } from './bootloader/boot.ts';
export type { BootDecision, Booted, NothingBoots, Running } from './bootloader/boot.ts';
export { recover } from './bootloader/recover.ts';
export type { Recovery } from './bootloader/recover.ts';
export type { Network } from './firmware-consumer/fetch.ts';
export type { Firmware } from './firmware.ts';
export { manufacture } from './manufacture.ts';
export { messageNumbers } from './message-numbers.ts';
export type { MessageNumbers } from './message-numbers.ts';
export { createPeerLink } from './peer/link.ts';
export type { Peer, PeerLink, Peers } from './peer/link.ts';
export { createPeer } from './peer/peer.ts';
export type { BusPeer, Launch, PeerOptions } from './peer/peer.ts';
export type { Profile, Timing } from './profile.ts';
export {
  class1,
  class1DeleteFirst,
  class1Encrypted,
  class1Overwrite,
  class1Swap,
} from './profiles/class1.ts';
export { dualBus } from './profiles/dual-bus.ts';
export type { DualBus } from './profiles/dual-bus.ts';
export { profiles } from './profiles/profiles.ts';
export type { ProfileName, ProfileOptions } from './profiles/profiles.ts';
export {
  dualShared,
  heterogeneous,
  secureNormal,
  trustedApplications,
  twoStage,
} from './profiles/several.ts';
export { createRecoverySender } from './recovery-sender.ts';
export type { RecoverySender, RecoveryState } from './recovery-sender.ts';
export { serverSource } from './server-source.ts';
export type { BootRecord } from './storage/boot-record.ts';
export type { JournalRecord } from './storage/journal-record.ts';
export type { Chip, Flash, FlashGeometry, Region } from './storage/flash.ts';
export { FlashFault, chipsOf, erasedByte, flashBytes } from './storage/flash.ts';
export { Journal } from './storage/journal.ts';
export { dependenciesOf } from './storage/dependencies.ts';
export { componentOf, imageBytesMax, slotAt } from './storage/layout.ts';
export { takeFrom } from './profiles/taking.ts';
export type { ComponentLayout, Layout, SlotLayout } from './storage/layout.ts';
export { heldToOperators, holdingTerms } from './held-to.ts';
export { nearest } from './nearest.ts';
export type { NearestOptions } from './nearest.ts';
export { decideUpdate } from './negotiation.ts';
export type { Habits, Notice } from './negotiation.ts';
export { trackerSource } from './tracker-source.ts';
export type { OnStep, Step } from './step.ts';
export { confirmPolicies, operatorGroup, readTrustStore, trustStoreVersion } from './trust-store.ts';
export { provision } from './provisioning.ts';
export type { ConfirmPolicy, Provision, TrustStore } from './trust-store.ts';
export type { Negotiation, TrackerSourceOptions } from './tracker-source.ts';
export type {
  Candidate,
  Consent,
  DeviceStatus,
  Outcome,
  Permission,
  UpdateSource,
  Waiting,
} from './update-source.ts';
