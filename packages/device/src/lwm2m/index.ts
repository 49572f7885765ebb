/**
 * A device in a fleet whose management is LwM2M: its objects 3 (Device) and 5 (Firmware Update), and its
 * registration. The server triggers; what is installed is proved as over any other road.
 */

export { lwm2mClient } from './client.ts';
export type { Lwm2mClient, Lwm2mClientOptions } from './client.ts';
export { results, states, step } from './machine.ts';
export type { Event, Failure, Machine, Result, State } from './machine.ts';
export { manageDevice, requireManageable } from './manage.ts';
export type { ManagedDevice, ManagedDeviceOptions } from './manage.ts';
export { protocols } from './package.ts';
export type { Protocol } from './package.ts';
export { stayRegistered } from './register.ts';
export type { RegistrationOptions, RegistrationStep } from './register.ts';
export type { ServedObjects } from './serve-objects.ts';
export { readTlv, tlvMediaType, writeTlv } from './tlv.ts';
export type { Entry } from './tlv.ts';
