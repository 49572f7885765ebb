/** `lapel serve` as its people use it: real keys and tokens, one folder, HTTP. */

import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hex, unhex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, signAttached } from '@lapel/cose';
import { publishRelease, signEnvelope } from '@lapel/author';
import { deviceClass, makeRelease, vendor } from '@lapel/simulator';
import { Campaign, mediaTypes } from '@lapel/status-tracker/protocol';
import type { Method, Response } from '@lapel/transport';
import { bytesBody, httpClient, readProblem, request } from '@lapel/transport';
import { keyIn, readToken } from '../src/serve/data-folder.ts';
import type { House, HouseOptions } from '../src/serve/house.ts';
import { onlyBugs } from './only-bugs.ts';
import { openHouse } from '../src/serve/house.ts';

export interface HouseWorld {
  readonly folder: string;
  readonly author: SigningKey;
  readonly operator: SigningKey;
  house: House;
  /** Where releases say that their payloads are, if not at the house. */
  payloadsAt?: string;
  /** Ends the server and starts it again on its folder; meanwhile, somebody may touch that. */
  restart(meanwhile?: () => void | Promise<void>): Promise<void>;
  /** Signs, publishes and releases an image for lamps. @returns the manifest's digest in hex. */
  release(image: Uint8Array, sequence: number, ...further: readonly SigningKey[]): Promise<string>;
  campaign(manifest: string, changes?: Partial<Campaign>): Campaign;
  /** As an operator, with a token. */
  send(method: Method, path: string, signed?: Uint8Array): Promise<Response>;
  close(): Promise<void>;
}

/** @param keys whose public keys lie in which folder, under which name */
export async function openHouseWorld(
  keys: readonly (readonly [person: string, folder: 'authors' | 'operators', name?: string])[] = [
    ['author', 'authors'],
    ['operator', 'operators'],
  ],
  further: Partial<HouseOptions> = {},
  notice: (text: string) => void = () => undefined,
): Promise<HouseWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-house-'));
  const people = join(folder, 'people');
  const author = await keyIn(people, 'author');
  const operator = await keyIn(people, 'operator');
  for (const [person, kind, name = person] of keys) {
    await mkdir(join(folder, 'keys', kind), { recursive: true });
    await copyFile(join(people, `${person}.pub.pem`), join(folder, 'keys', kind, `${name}.pub.pem`));
  }
  const open = (port: number) =>
    openHouse({
      path: folder,
      port,
      ...further,
      log: onlyBugs((error) => {
        throw error;
      }, notice),
    });
  const world: HouseWorld = {
    folder,
    author,
    operator,
    house: await open(0),
    async restart(meanwhile) {
      const { port } = new URL(world.house.url);
      await world.house.close();
      await meanwhile?.();
      world.house = await open(Number(port));
    },
    async release(image, sequence, ...further) {
      const version = `1.${sequence}.0`;
      const { payloadsAt } = world;
      const uri = payloadsAt === undefined ? {} : { uri: payloadsAt };
      let envelope = await makeRelease({ image, sequence, version, className: 'lamp', key: author, ...uri });
      for (const key of further) envelope = signEnvelope(envelope, key);
      const payload = {
        digest: hex(digest('sha-256', image)),
        sizeBytes: image.length,
        open: () => bytesBody(image),
      };
      const token = await readToken(world.house.folder, 'author');
      const published = await publishRelease(httpClient(world.house.url), {
        envelope,
        payloads: [payload],
        token,
      });
      const released = await world.send('POST', `/releases/${published.digest}`);
      if (released.status !== 'ok') throw await readProblem(released);
      return published.digest;
    },
    campaign: (manifest, changes) => ({
      version: 1,
      id: crypto.getRandomValues(new Uint8Array(16)),
      name: 'lamp',
      manifestDigest: unhex(manifest) ?? new Uint8Array(),
      vendor,
      class: deviceClass('lamp'),
      waves: [1000],
      inFlightMax: 10,
      failureRateMax: 200,
      silenceMsMax: 600_000,
      created: Date.now(),
      expires: Date.now() + 86_400_000,
      ...changes,
    }),
    async send(method, path, signed) {
      const token = await readToken(world.house.folder, 'operator');
      const headers = {
        authorization: `Bearer ${token}`,
        ...(signed === undefined ? {} : { 'content-type': mediaTypes.cose }),
      };
      const body = signed === undefined ? {} : { body: bytesBody(signed) };
      return httpClient(world.house.url)(request(method, path, { headers, ...body }));
    },
    async close() {
      await world.house.close();
      await rm(folder, { recursive: true });
    },
  };
  return world;
}

export const signedCampaign = (campaign: Campaign, key: SigningKey): Uint8Array =>
  signAttached(key, write(Campaign, campaign));

/** The first lamp firmware that the factory has. */
export const lampImage = async (version: string): Promise<Uint8Array> =>
  new Uint8Array(
    await readFile(join(import.meta.dirname, '../../../examples/lamp/build', `lamp-${version}.bin`)),
  );
