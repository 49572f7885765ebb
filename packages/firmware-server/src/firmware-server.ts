/**
 * A firmware server over one folder: blobs, catalog and resources put together. It needs no database (§6 of
 * the design).
 */
import { join } from 'node:path';
import type { TrustAnchor } from '@lapel/suit';
import type { Clock, Handler, Random, RouteHandler } from '@lapel/transport';
import { routes, systemClock, systemRandom } from '@lapel/transport';
import type { Blobs } from './blobs.ts';
import { fileBlobs } from './blobs-file.ts';
import type { Catalog, CatalogOptions } from './catalog.ts';
import { openCatalog } from './catalog.ts';
import type { DeviceClass } from './device-class.ts';
import type { FirmwareServerLimits } from './limits.ts';
import { firmwareServerLimits } from './limits.ts';
import { createPublisher } from './publish.ts';
import { resources } from './resources.ts';

export interface FirmwareServerOptions {
  readonly folder: string;
  /** Whether other processes use the folder at the same time: what they publish is taken in. */
  readonly isShared?: boolean;
  /** The keys of the authors whose manifests are accepted. */
  readonly trustAnchors: readonly TrustAnchor[];
  /** What devices can take, where it is known. */
  readonly deviceClasses?: readonly DeviceClass[];
  readonly limits?: Partial<FirmwareServerLimits>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly onBug: (error: unknown) => void;
  /**
   * A published envelope that was found at the start and is no longer believed: it is not served any more.
   */
  readonly onRefused: (digest: string, why: string) => void;
  /** Keeps who publishes and releases what, before it happens; where it fails, it does not happen. */
  readonly note?: CatalogOptions['note'];
}

export interface FirmwareServer {
  /** Expects `request.peer` to be set by whoever composes it, by `bearer` for instance. */
  readonly handler: Handler;
  /** The same as a table, for one who serves other resources beside these. */
  readonly resources: Readonly<Record<string, RouteHandler>>;
  readonly catalog: Catalog;
  readonly blobs: Blobs;
}

export async function createFirmwareServer(options: FirmwareServerOptions): Promise<FirmwareServer> {
  const { folder, trustAnchors, deviceClasses = [], isShared = false, onBug, onRefused, note } = options;
  const { clock = systemClock, random = systemRandom } = options;
  const limits = { ...firmwareServerLimits, ...options.limits };
  const blobs = await fileBlobs(join(folder, 'blobs'), { limitBytes: limits.storageBytes, random, isShared });
  const catalog = await openCatalog({
    folder,
    blobs,
    trustAnchors,
    manifestLimits: limits.manifest,
    publishedMax: limits.published,
    random,
    isShared,
    onRefused,
    ...(note === undefined ? {} : { note }),
  });
  const manifestLimits = limits.manifest;
  const publisher = createPublisher({ catalog, blobs, trustAnchors, manifestLimits, deviceClasses, clock });
  const table = resources({ blobs, catalog, publisher, limits });
  return { handler: routes(table, { onBug }), resources: table, catalog, blobs };
}
