/** A lamp's manifest, signed by a real author, and the release of it. */
import { write } from '@lapel/cbor';
import { digest, signDetached } from '@lapel/cose';
import type { Command, SuitRecord, VersionMatch } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  Text,
  authenticate,
  digestOf,
  readSequence,
  sections,
  server,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import type { Release } from '../src/index.ts';
import { component, releaseOf, testKey } from './world.ts';

const author = testKey('author');
export const authors = [{ key: author.public }];

const sha256 = (bytes: Uint8Array) => ({ algorithm: 'sha-256', bytes: digest('sha-256', bytes) }) as const;

export const image = new TextEncoder().encode('the firmware of a lamp');
export const imageDigest = sha256(image).bytes;

/** Of the condition whose record a Recipient reports: success and failure. */
const recorded = 3;

const commands: readonly Command[] = [
  {
    name: 'directive-override-parameters',
    parameters: write(Parameters, { imageDigest: digestOf(sha256(image)), imageSize: image.length }),
  },
  { name: 'condition-image-match', policy: recorded },
];

const install = writeSequence(commands);

/** What a Recipient tells of the one command that is recorded. */
export const matched: SuitRecord = {
  manifestId: [],
  section: sections.install,
  offset: readSequence(install)[1]?.offset ?? 0,
  component: 0,
  properties: {},
};

/** What a manifest tells a tracker besides what it installs. */
export interface Told {
  readonly priority?: number;
  readonly version?: string;
  readonly about?: string;
  /** What it asks of devices. */
  readonly battery?: number;
  readonly from?: VersionMatch;
}

/** @param isCutOff whether the sequence `install` is named by its digest and left out. */
export function signedRelease(sequenceNumber: number, isCutOff = false, told: Told = {}): Release {
  const manifest = wrap(
    write(Manifest, {
      version: 1,
      sequenceNumber,
      common: { components: [component] },
      install: isCutOff ? digestOf(sha256(wrap(install))) : install,
      ...textOf(told),
      ...validateOf(told),
    }),
  );
  const named = write(Digest, digestOf(sha256(manifest)));
  const blocks = [signDetached(author, named)];
  const envelope = writeEnvelope({ digest: named, blocks, manifest, severed: {}, payloads: new Map() });
  return releaseOf(sequenceNumber, {
    envelope,
    digest: authenticate(envelope, authors, server).digest.bytes,
  });
}

function textOf({ version, about }: Told) {
  if (version === undefined && about === undefined) return {};
  const componentText = version === undefined ? [] : [[component, { componentVersion: version }] as const];
  const own = { ...(about === undefined ? {} : { updateDescription: about }), rest: componentText };
  return { text: write(Text, { rest: [['en', own]] }) };
}

function validateOf({ priority, battery, from }: Told) {
  const asked = {
    ...(priority === undefined ? {} : { updatePriority: priority }),
    ...(battery === undefined ? {} : { minimumBattery: battery }),
    ...(from === undefined ? {} : { version: from }),
  };
  if (Object.keys(asked).length === 0) return {};
  const parameters = write(Parameters, asked);
  return { validate: writeSequence([{ name: 'directive-override-parameters', parameters }]) };
}
