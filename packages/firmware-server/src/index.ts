/**
 * The firmware server of RFC 9019 §2.3: keeps what authors publish, hands it to devices and gateways. It is
 * trusted with nothing but to be there: what it serves is sealed by its author and proven by the device,
 * and what it is not meant to accept it refuses early, so that a mistake is seen by the author and not by
 * the fleet.
 *
 * `createFirmwareServer` opens one over a folder. An author puts payloads, then posts a manifest; an operator
 * releases it; devices get manifests and payloads by digest, or ask for the newest of their class.
 */
export type { Blob, Blobs, ReadableBlob } from './blobs.ts';
export { isDigest, partOf } from './blobs.ts';
export { fileBlobs } from './blobs-file.ts';
export type { FileBlobsOptions } from './blobs-file.ts';
export { memoryBlobs } from './blobs-memory.ts';
export { isStorageFull, makeFolder, sweepPartial, syncFolder, writeDurably } from './durable-file.ts';
export type { Catalog, Noted } from './catalog.ts';
export type { DeviceClass } from './device-class.ts';
export { createFirmwareServer } from './firmware-server.ts';
export type { FirmwareServer, FirmwareServerOptions } from './firmware-server.ts';
export { firmwareServerLimits } from './limits.ts';
export type { FirmwareServerLimits } from './limits.ts';
export type { Act, Image, Release, ReleaseContent } from './release.ts';
export { envelopeMediaType } from './resources.ts';
