/**
 * A manifest tried on a device that is described, before any device is asked to run it (RFC 9124 §4.3.19).
 * Down the flow: `readDevice` and `readState` take a description, `simulate` runs the manifest on it.
 */

export { cutPower } from './cut-power.ts';
export type { Cut } from './cut-power.ts';
export { readDevice, usualComponents } from './described-device.ts';
export type { ComponentDescription, DescribedDevice, Holding } from './described-device.ts';
export { framesOf } from './frames.ts';
export type { Frame } from './frames.ts';
export { componentsInWords, nameText, placeOf, sectionText, stepsInWords } from './in-words.ts';
export type { ComponentInWords, HeldInWords, StepInWords } from './in-words.ts';
export { MemberError, expected, members, oneOf, textOf } from './json-member.ts';
export { heldIn, readState, simulate } from './simulate.ts';
export type { Device, DeviceState, Held, Simulation, Situation, Step, Watch } from './simulate.ts';
export type { StandIn } from './stand-ins.ts';
export { momentsMax, traceOf } from './trace.ts';
export type { Moment } from './trace.ts';
export { readTrustAnchor } from './trust-anchor.ts';
