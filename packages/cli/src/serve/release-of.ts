/** What the firmware server knows of a release, in the tracker's terms. */

import { unhex } from '@lapel/cbor';
import type { Blobs, FirmwareServer, Noted, Release as Published } from '@lapel/firmware-server';
import type { AuditEntry, Release } from '@lapel/status-tracker';
import { envelopeBytesMax } from '@lapel/status-tracker/protocol';
import { collect } from '@lapel/transport';

/** Who published or released what, as it stands in the audit. */
export const entryOf = ({ act, by, atMs, content }: Noted): AuditEntry => {
  const { digest, sequenceNumber, version, signers } = content;
  const named = version === undefined ? '' : `version ${version}, `;
  const authors = signers.map((signer) => signer.slice(0, 12)).join(' and ');
  const detail = `${named}sequence number ${sequenceNumber}, signed by ${authors}`;
  return { actor: by, atMs, act, subject: digest, detail: detail.slice(0, detailMax) };
};

/** A manifest's text may be longer than anybody reads in an audit. */
const detailMax = 1024;

/** Another process may have published it just now. */
export async function published({ catalog }: FirmwareServer, digest: string): Promise<Published | undefined> {
  if (catalog.find(digest)?.released === undefined) await catalog.readOthers();
  return catalog.find(digest);
}

/** The firmware server's entry in the tracker's terms; undefined where it names no one vendor and class. */
export async function releaseOf(
  { blobs }: FirmwareServer,
  published: Published | undefined,
): Promise<Release | undefined> {
  if (published === undefined) return undefined;
  const { digest, vendors, classes, components, images, sequenceNumber, released, signers } = published;
  const [vendor, device] = [unhex(vendors[0] ?? ''), unhex(classes[0] ?? '')];
  if (vendors.length !== 1 || classes.length !== 1 || vendor === undefined || device === undefined)
    return undefined;
  return {
    digest: unhex(digest) ?? new Uint8Array(),
    vendor,
    class: device,
    sequenceNumber,
    components: components.map((name) =>
      name === '.' ? [] : name.split('/').map((part) => unhex(part) ?? new Uint8Array()),
    ),
    imageBytes: Math.max(0, ...images.map(({ sizeBytes = 0 }) => sizeBytes)),
    uri: `/manifests/${digest}`,
    released: released !== undefined,
    authors: signers,
    ...(await pushable(blobs, published)),
  };
}

/** The envelope itself, for devices that are pushed to; a larger one they fetch. */
async function pushable(blobs: Blobs, { envelope }: Published): Promise<{ readonly envelope?: Uint8Array }> {
  const blob = envelope.sizeBytes > envelopeBytesMax ? undefined : await blobs.get(envelope.digest);
  return blob === undefined ? {} : { envelope: await collect(blob.body, envelopeBytesMax) };
}
