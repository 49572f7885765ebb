/**
 * The world under one seed: flash that loses power, links that lose messages, a fleet of real devices on
 * them, and checkers that read the outcome with code of their own.
 */

export { checkRollout } from './checkers.ts';
export type { FlashImage, RolloutCheck } from './checkers.ts';
export { simulatedClock } from './clock.ts';
export { datagramLink } from './datagram-link.ts';
export type { DatagramLink, Weather } from './datagram-link.ts';
export type { Behaviour, Running, SimulatedDevice } from './device-life.ts';
export { live } from './device-life.ts';
export { component, deviceClass, makeRelease, makeUpdate, vendor, vendorDomain } from './firmware.ts';
export type { Part, ReleasePlan, Secret, UpdatePlan } from './firmware.ts';
export { servedFromMemory } from './memory-payloads.ts';
export { liveInFleet, makeDevice } from './fleet.ts';
export type { DevicePlan, Factory, FleetDevice, Surroundings } from './fleet.ts';
export { FlashMisuse, PowerCut, norFlash } from './flash.ts';
export type { BadGranule, Carried, Cut, NorFlash, NorFlashOptions, Torn } from './flash.ts';
export { readFlash } from './flash-reader.ts';
export { lossy } from './network.ts';
export type { Loss } from './network.ts';
export type { ChipState, Release } from './powercut-scenario.ts';
export { workshop } from './powercut-workshop.ts';
export type { Wanted, Workshop } from './powercut-workshop.ts';
export { recoverOverLine } from './recovery-line.ts';
export type { RecoveryPlan } from './recovery-line.ts';
export { at, imageOf, manifestOf, perform, seal, served, set } from './sealing.ts';
export type { Forgery } from './sealing.ts';
export type { LineFaults } from './serial-line.ts';
export { seededRandom } from './random.ts';
export type { SeededRandom } from './random.ts';
export { asRelease, single, twoAuthors } from './two-authors.ts';
export type { TwoAuthors, Update } from './two-authors.ts';
