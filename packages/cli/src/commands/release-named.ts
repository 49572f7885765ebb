/** A release as an operator names it, and whom it is for, by its own bytes. */

import { hex, unhex } from '@lapel/cbor';
import type { Outline } from '@lapel/author';
import { outlineEnvelope } from '@lapel/author';
import { server } from '@lapel/suit';
import { collect, readProblem, request } from '@lapel/transport';
import { readOutline } from '../envelope-file.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { ServerAccess } from '../server-access.ts';

/** @throws {CommandFailure} where it is for several, or for nobody in particular. */
export function classOf({ vendorIdentifiers, classIdentifiers }: Outline['summary']) {
  const [vendor, ...otherVendors] = vendorIdentifiers;
  const [device, ...otherClasses] = classIdentifiers;
  if (vendor === undefined || device === undefined || otherVendors.length + otherClasses.length > 0) {
    throw new CommandFailure(
      exitCodes.refused,
      'expected a manifest for one vendor and class, found another',
    );
  }
  return { vendor, class: device };
}

/** What is signed is read from the envelope itself, not from what a server says of it. */
export async function releaseNamed(which: string, { handler, token }: ServerAccess): Promise<Outline> {
  const digest = unhex(which);
  if (digest?.length !== 32) return (await readOutline(which)).outline;
  const headers = { authorization: `Bearer ${token}` };
  const answer = await handler(request('GET', `/manifests/${which.toLowerCase()}`, { headers }));
  if (answer.status !== 'ok') throw await readProblem(answer);
  const outline = outlineEnvelope(await collect(answer.body, server.envelopeBytes));
  if (hex(outline.digest.bytes) === hex(digest)) return outline;
  const found = `expected the manifest ${which} from the server, found ${hex(outline.digest.bytes)}`;
  throw new CommandFailure(exitCodes.refused, found);
}

/** What to call it where nobody says: the version that it tells. */
export function nameOf({ text, sequenceNumber }: Outline['summary']): string {
  const components = text?.rest.flatMap(([, texts]) => texts.rest.map(([, component]) => component)) ?? [];
  const model = components.find((each) => each.modelInfo !== undefined)?.modelInfo;
  const version = components.find((each) => each.componentVersion !== undefined)?.componentVersion;
  const words = [model, version].filter((each) => each !== undefined);
  return (words.length > 0 ? words.join(' ') : `sequence ${sequenceNumber}`).slice(0, 64);
}
