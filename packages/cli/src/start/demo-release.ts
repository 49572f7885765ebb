/**
 * The author's and the operator's part of `npm start`, over HTTP with tokens and keys like anybody's: the
 * image is described, signed, uploaded, released, and a campaign signed that offers it to one class.
 */

import { hex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, signAttached } from '@lapel/cose';
import { publishRelease } from '@lapel/author';
import { deviceClass, makeRelease, vendor } from '@lapel/simulator';
import { Campaign, mediaTypes, protocolVersion } from '@lapel/status-tracker/protocol';
import type { CampaignView } from '@lapel/status-tracker';
import { bytesBody, httpClient, readProblem, request } from '@lapel/transport';
import { readToken } from '../serve/data-folder.ts';
import type { House } from '../serve/house.ts';
import { classNames, factory } from './demo-fleet.ts';

export interface DemoRelease {
  readonly image: Uint8Array;
  readonly author: SigningKey;
  readonly operator: SigningKey;
}

/** Finds the campaign for this image, or makes it: publishes, releases, and starts a campaign. */
export async function releaseToLamps(house: House, release: DemoRelease): Promise<CampaignView> {
  const { image, author, operator } = release;
  const [className] = classNames;
  const imageDigest = hex(digest('sha-256', image));
  const published = house.firmware.catalog
    .all()
    .filter(({ classes }) => classes.includes(hex(deviceClass(className))));
  // What was rolled out before and is not the newest any more is a new release, with a higher number.
  const newest = published.toSorted((a, b) => b.sequenceNumber - a.sequenceNumber)[0];
  const known = newest?.images.some((each) => each.digest === imageDigest) === true ? newest : undefined;
  const sequence = Math.max(factory.sequence, ...published.map(({ sequenceNumber }) => sequenceNumber)) + 1;
  const manifest = known?.digest ?? (await publish(house, image, sequence, author, className));
  await letOut(house, manifest);
  const campaigns = await house.store.campaigns(campaignsMax);
  return (
    campaigns.find(({ campaign }) => hex(campaign.manifestDigest) === manifest) ??
    start(house, manifest, operator)
  );
}

const campaignsMax = 1000;

async function publish(
  house: House,
  image: Uint8Array,
  sequence: number,
  author: SigningKey,
  className: string,
): Promise<string> {
  const server = httpClient(house.url);
  const version = `1.${sequence - 1}.0`;
  const envelope = await makeRelease({ image, sequence, version, className, key: author });
  const payload = {
    digest: hex(digest('sha-256', image)),
    sizeBytes: image.length,
    open: () => bytesBody(image),
  };
  const token = await readToken(house.folder, 'author');
  const { digest: manifest } = await publishRelease(server, { envelope, payloads: [payload], token });
  return manifest;
}

/** The operator's word that the manifest may be offered; saying it twice is saying it once. */
async function letOut(house: House, manifest: string): Promise<void> {
  const headers = { authorization: `Bearer ${await readToken(house.folder, 'operator')}` };
  const answer = await httpClient(house.url)(request('POST', `/releases/${manifest}`, { headers }));
  if (answer.status !== 'ok') throw await readProblem(answer);
}

const day = 24 * 3_600_000;

async function start(house: House, manifest: string, operator: SigningKey): Promise<CampaignView> {
  const release = house.firmware.catalog.find(manifest);
  const created = Date.now();
  const campaign = write(Campaign, {
    version: protocolVersion,
    id: crypto.getRandomValues(new Uint8Array(16)),
    name: `${classNames[0]} ${release?.version ?? manifest.slice(0, 8)}`,
    manifestDigest: Uint8Array.from(Buffer.from(manifest, 'hex')),
    vendor,
    class: deviceClass(classNames[0]),
    waves: [80, 400, 1000],
    inFlightMax: 10,
    failureRateMax: 200,
    silenceMsMax: 10 * 60_000,
    created,
    expires: created + 30 * day,
  });
  const headers = {
    authorization: `Bearer ${await readToken(house.folder, 'operator')}`,
    'content-type': mediaTypes.cose,
  };
  const body = bytesBody(signAttached(operator, campaign));
  const answer = await httpClient(house.url)(request('POST', '/campaigns', { headers, body }));
  if (answer.status !== 'created' && answer.status !== 'ok') throw await readProblem(answer);
  const [view] = await house.store.campaigns(1);
  if (view === undefined) throw new Error('expected the campaign that was just accepted, found none');
  return view;
}
