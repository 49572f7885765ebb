/**
 * Step 3 of the flow: an author's envelope becomes a Release, after the checks that RFC 9124 §4.3.19
 * (REQ.SEC.MFST.CHECK) demands before any device sees it. An operator releases it later: whoever can sign
 * firmware cannot by that alone start an update (RFC 9019 §3).
 */
import type { Limits, TrustAnchor } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import { lint } from '@lapel/suit/lint';
import type { Clock } from '@lapel/transport';
import { Problem, bytesBody } from '@lapel/transport';
import type { Blobs } from './blobs.ts';
import type { Catalog } from './catalog.ts';
import { requireAllInstallable } from './dependencies.ts';
import type { DeviceClass } from './device-class.ts';
import { requireFit } from './device-class.ts';
import type { Release, ReleaseSource } from './release.ts';
import { payloadOf, readRelease } from './release.ts';

export interface PublishOptions {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  /** Authors' keys. A manifest that none of them vouches for is not published, whoever uploads it. */
  readonly trustAnchors: readonly TrustAnchor[];
  readonly manifestLimits: Limits;
  /** A class that is not among them is not looked at. */
  readonly deviceClasses: readonly DeviceClass[];
  readonly clock: Clock;
}

export interface Publisher {
  /** @throws {Problem} */
  publish(envelope: Uint8Array, by: string): Promise<Release>;
  /** @throws {Problem} */
  release(digest: string, by: string): Promise<Release>;
}

export function createPublisher(options: PublishOptions): Publisher {
  const { catalog, blobs, clock, trustAnchors, deviceClasses } = options;
  const inTurn = createTurns();
  return {
    async publish(envelope, by) {
      const source = proven(envelope, options);
      requireWhole(source);
      return inTurn(async () => {
        await catalog.readOthers();
        requireNew(source, catalog);
        requireHigherSequence(source, catalog);
        await requireAllInstallable(source, envelope, {
          ...options,
          prove: (needed) => proven(needed, options),
          async requireInstallable(each, bytes) {
            await requirePayloads(each, blobs);
            requireFaultless(bytes, options);
            requireFit(each, bytes, trustAnchors, deviceClasses);
          },
        });
        // The envelope first, then the marker that makes it count: a crash between the two leaves a blob
        // that nobody names.
        const { digest, size } = await blobs.put(bytesBody(envelope));
        return catalog.publish(source.content, { digest, sizeBytes: size }, { by, atMs: clock.wallMs() });
      });
    },
    release: (digest, by) =>
      inTurn(async () => {
        await catalog.readOthers();
        return catalog.release(digest, { by, atMs: clock.wallMs() });
      }),
  };
}

/** What is checked must still be true when it is written: one change of the catalog at a time. */
function createTurns(): <T>(step: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (step) => {
    const result = last.then(step);
    // Only the order is kept: a failure belongs to the one who waits for `result`.
    last = result.catch(() => undefined);
    return result;
  };
}

function proven(envelope: Uint8Array, { trustAnchors, manifestLimits }: PublishOptions): ReleaseSource {
  try {
    return readRelease(envelope, trustAnchors, manifestLimits);
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    throw new Problem('unprocessable', `envelope refused, ${error.reason}: ${error.message}`, {
      cause: error,
    });
  }
}

/** What an author's own linter would have called an error: told with all of it, and how to mend it. */
function requireFaultless(envelope: Uint8Array, { manifestLimits }: PublishOptions): void {
  const errors = lint(envelope, manifestLimits).filter(({ severity }) => severity === 'error');
  const told = errors.slice(0, errorsToldMax).map(({ rule, where, message, mend, section }) => {
    return `${rule} at ${where}: ${message} (${section}); ${mend}`;
  });
  if (told.length > 0) throw new Problem('unprocessable', told.join('; '));
}

/** What one refusal tells; the rest is for the author's linter. */
const errorsToldMax = 4;

/**
 * Others may cut elements off on the way to a device; here is where they can still be had. Texts nobody has
 * to have.
 */
function requireWhole({ admitted: { severed } }: ReleaseSource): void {
  const missing = [...severed].filter((name) => name !== 'text');
  if (missing.length > 0)
    throw unprocessable('all sequences in the envelope', `${missing.join(', ')} severed`);
}

function requireNew({ content: { digest } }: ReleaseSource, catalog: Catalog): void {
  if (catalog.find(digest) === undefined) return;
  throw new Problem('already-published', `expected a new manifest, found ${digest} published already`);
}

function requireHigherSequence({ content }: ReleaseSource, catalog: Catalog): void {
  const highest = catalog.highestFor(content);
  if (highest === undefined || content.sequenceNumber > highest) return;
  const found = `expected a sequence number above ${highest}, found ${content.sequenceNumber}`;
  throw new Problem('sequence-not-higher', `${found}; devices would refuse it as older`);
}

/**
 * Every payload that the manifest has devices fetch from here is here, and has the size that the manifest
 * states.
 */
async function requirePayloads({ content, admitted }: ReleaseSource, blobs: Blobs): Promise<void> {
  for (const uri of content.uris) {
    const digest = payloadOf(uri);
    if (digest === undefined) requireReachable(uri, admitted.authentic.envelope.payloads);
    else requireSize(digest, await blobs.sizeOf(digest), content.images);
  }
}

function requireReachable(uri: string, integrated: ReadonlyMap<string, Uint8Array>): void {
  // §7.5 of the manifest draft: an integrated payload is named by its key in the envelope.
  if (integrated.has(uri)) return;
  if (uri.startsWith('#')) throw unprocessable(`the integrated payload '${uri}' in the envelope`, 'none');
  // Another server's content is that server's affair: the device checks the digest (RFC 9019 §3.2).
  if (/^[a-z][a-z\d+.-]*:/i.test(uri)) return;
  throw unprocessable("an absolute URI, '#…' or '../payloads/{sha-256 in hex}'", `'${uri.slice(0, 100)}'`);
}

function requireSize(digest: string, size: number | undefined, images: Release['images']): void {
  if (size === undefined) throw unprocessable(`the payload ${digest} to be uploaded before`, 'it missing');
  const stated = images.find((image) => image.digest === digest)?.sizeBytes;
  if (stated !== undefined && stated !== size) {
    throw unprocessable(`a payload ${digest} of ${stated} bytes`, `${size} bytes`);
  }
}

const unprocessable = (expected: string, found: string) =>
  new Problem('unprocessable', `expected ${expected}, found ${found}`);
