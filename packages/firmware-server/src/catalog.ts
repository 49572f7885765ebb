/**
 * The catalog: what is published and what is released. It is held in memory and derived from files,
 * envelopes first; nothing in it exists only here, and opening it again gives the same catalog.
 */
import { join } from 'node:path';
import type { Limits, TrustAnchor } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import type { Random } from '@lapel/transport';
import { Problem, collect } from '@lapel/transport';
import type { Blobs } from './blobs.ts';
import type { Marker, Markers } from './markers.ts';
import { openMarkers } from './markers.ts';
import type { Act, Release, ReleaseContent } from './release.ts';
import { readRelease } from './release.ts';

export interface CatalogOptions {
  readonly folder: string;
  readonly blobs: Blobs;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly manifestLimits: Limits;
  readonly publishedMax: number;
  readonly random: Random;
  /** Whether other processes publish and release in the same folder. */
  readonly isShared: boolean;
  /**
   * Is told of each entry that is on the disk and no longer believed, and why: a trust anchor was taken
   * away, a file is damaged.
   */
  readonly onRefused: (digest: string, why: string) => void;
  /**
   * Is told what is about to be published or released, and by whom: where it can't be noted, it does not
   * happen. Only a disk that fails right after can leave a note of what did not.
   */
  readonly note?: (noted: Noted) => Promise<void>;
}

export interface Noted extends Act {
  readonly act: 'manifest published' | 'manifest released';
  readonly content: ReleaseContent;
}

export interface Catalog {
  /** In the order of their publication. */
  all(): readonly Release[];
  find(digest: string): Release | undefined;
  /** The released one with the highest sequence number that names this class of this vendor. */
  newest(vendor: string, classIdentifier: string): Release | undefined;
  /**
   * The highest sequence number published for any device and component that this content would be for, too.
   */
  highestFor(content: ReleaseContent): number | undefined;
  /** @throws {Problem} `storage-full` */
  publish(content: ReleaseContent, envelope: Release['envelope'], act: Act): Promise<Release>;
  /** Releasing twice is the same as once. @throws {Problem} `not-found`, `storage-full` */
  release(digest: string, act: Act): Promise<Release>;
  /** Takes in what other processes have published and released in a shared folder. */
  readOthers(): Promise<void>;
}

export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  const { isShared } = options;
  const published = await openMarkers(join(options.folder, 'published'), options);
  const releases = await openMarkers(join(options.folder, 'releases'), options);
  const byDigest = await rebuild(options, published, releases);
  const newestByClass = new Map<string, Release>();
  for (const release of byDigest.values()) noteNewest(newestByClass, release);
  /** Of others, and not believed: it is told once. */
  const refused = new Set<string>();

  async function readPublished(name: string): Promise<void> {
    const found = await readAgain(options, name, await published.read(name));
    if (typeof found !== 'string') byDigest.set(name, found);
    else {
      refused.add(name);
      options.onRefused(name, found);
    }
  }

  async function readReleased(name: string): Promise<void> {
    const [found, marker] = [byDigest.get(name), await releases.read(name)];
    if (found === undefined || found.released !== undefined || marker === undefined) return;
    const release = { ...found, released: actOf(marker) };
    byDigest.set(name, release);
    noteNewest(newestByClass, release);
  }

  return {
    all: () => [...byDigest.values()],
    find: (digest) => byDigest.get(digest),
    newest: (vendor, classIdentifier) => newestByClass.get(`${vendor}/${classIdentifier}`),

    highestFor(content) {
      let highest: number | undefined;
      for (const release of byDigest.values()) {
        if (meets(release, content)) highest = Math.max(highest ?? 0, release.sequenceNumber);
      }
      return highest;
    },

    async publish(content, envelope, act) {
      if (byDigest.size >= options.publishedMax) {
        throw new Problem(
          'storage-full',
          `expected at most ${options.publishedMax} releases, found one more`,
        );
      }
      await options.note?.({ ...act, act: 'manifest published', content });
      await published.write(content.digest, { ...act, envelope: envelope.digest });
      const release = { ...content, envelope, published: act };
      byDigest.set(release.digest, release);
      return release;
    },

    async release(digest, act) {
      const found = byDigest.get(digest);
      if (found === undefined)
        throw new Problem('not-found', `expected a published manifest, found no ${digest}`);
      if (found.released !== undefined) return found;
      await options.note?.({ ...act, act: 'manifest released', content: found });
      await releases.write(digest, act);
      const release = { ...found, released: act };
      byDigest.set(digest, release);
      noteNewest(newestByClass, release);
      return release;
    },

    async readOthers() {
      if (!isShared) return;
      for (const name of await published.names())
        if (!byDigest.has(name) && !refused.has(name)) await readPublished(name);
      for (const name of await releases.names())
        if (byDigest.get(name)?.released === undefined) await readReleased(name);
    },
  };
}

/**
 * A device keeps one floor for each component (§16 of the design): a lower number is wasted wherever one of
 * them is shared.
 */
function meets(one: ReleaseContent, other: ReleaseContent): boolean {
  return (
    overlap(one.vendors, other.vendors) &&
    overlap(one.classes, other.classes) &&
    one.components.some((component) => other.components.includes(component))
  );
}

/** A manifest that names nobody is for everybody. */
const overlap = (one: readonly string[], other: readonly string[]) =>
  one.length === 0 || other.length === 0 || one.some((each) => other.includes(each));

function noteNewest(newestByClass: Map<string, Release>, release: Release): void {
  if (release.released === undefined) return;
  for (const vendor of release.vendors) {
    for (const classIdentifier of release.classes) {
      const key = `${vendor}/${classIdentifier}`;
      const newest = newestByClass.get(key);
      if (newest === undefined || newest.sequenceNumber < release.sequenceNumber)
        newestByClass.set(key, release);
    }
  }
}

async function rebuild(
  options: CatalogOptions,
  published: Markers,
  releases: Markers,
): Promise<Map<string, Release>> {
  const releasedByDigest = new Map((await releases.all()).map(({ name, marker }) => [name, marker]));
  const found: Release[] = [];
  for (const { name, marker } of await published.all()) {
    const release = await readAgain(options, name, marker);
    if (typeof release === 'string') {
      options.onRefused(name, release);
      continue;
    }
    const released = releasedByDigest.get(name);
    found.push(released === undefined ? release : { ...release, released: actOf(released) });
  }
  found.sort((a, b) => a.published.atMs - b.published.atMs || a.sequenceNumber - b.sequenceNumber);
  return new Map(found.map((release) => [release.digest, release]));
}

/** The entry, proven again from its bytes; or why it is not believed. */
async function readAgain(
  { blobs, trustAnchors, manifestLimits }: CatalogOptions,
  name: string,
  marker: Marker | undefined,
): Promise<Release | string> {
  if (marker?.envelope === undefined) return 'expected a marker that names an envelope, found another file';
  const blob = await blobs.get(marker.envelope);
  if (blob === undefined) return `expected the envelope ${marker.envelope}, found no such blob`;
  const bytes = await collect(blob.body, blob.size);
  try {
    const { content } = readRelease(bytes, trustAnchors, manifestLimits);
    if (content.digest !== name) return `expected a manifest with this digest, found ${content.digest}`;
    const envelope = { digest: marker.envelope, sizeBytes: blob.size };
    return { ...content, envelope, published: actOf(marker) };
  } catch (error) {
    if (error instanceof SuitError) return `${error.reason}: ${error.message}`;
    throw error;
  }
}

const actOf = ({ by, atMs }: Marker): Act => ({ by, atMs });
