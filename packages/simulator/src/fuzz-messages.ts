/** One of every message that passes between devices, operators and the status tracker. */

import type { Schema } from '@lapel/cbor';
import { encode, read, write } from '@lapel/cbor';
import {
  Campaign,
  CampaignOrder,
  CheckIn,
  NewestRelease,
  Offer,
  PollAnswer,
  Receipt,
  Registration,
} from '@lapel/status-tracker/protocol';
import { component } from './firmware.ts';

const [sixteen, thirtyTwo] = [new Uint8Array(16), new Uint8Array(32)];
const installed = {
  component,
  sequenceNumber: 1,
  manifestDigest: thirtyTwo,
  version: '1.0',
  slot: 1,
  imageDigest: thirtyTwo,
  imageBytes: 9,
  onTrial: true,
};
const order = { version: 1, campaign: sixteen, number: 1, order: 'pause', created: 1 } as const;
const offer = {
  version: 1,
  campaign: sixteen,
  generation: 1,
  uri: '/m',
  digest: thirtyTwo,
  expires: 1,
  nonce: sixteen,
  envelope: sixteen,
} as const;
const checkIn = {
  version: 1,
  device: 'lamp-1',
  session: new Uint8Array(8),
  counter: 1,
  nonce: sixteen,
  state: 'idle',
  components: [installed],
  imageBytesMax: 9,
  pending: thirtyTwo,
  bootReason: 'on trial',
  loaderDigest: thirtyTwo,
  bootVerified: 'signature',
  rollbackProtection: 'counter',
  refused: [{ slot: 1, because: 'its image is another' }],
  downtimeMs: 9,
  expectedDowntimeMs: 9,
} as const;
const registration = {
  version: 1,
  device: 'lamp-1',
  challenge: sixteen,
  key: encode(new Map([[1, 1]])),
  vendor: sixteen,
  class: sixteen,
  updateMode: 'negotiated',
  nonce: sixteen,
} as const;
const campaign = {
  version: 1,
  id: sixteen,
  name: 'lamp',
  manifestDigest: thirtyTwo,
  vendor: sixteen,
  class: sixteen,
  waves: [100, 1000],
  inFlightMax: 9,
  failureRateMax: 9,
  silenceMsMax: 9,
  created: 1,
  expires: 2,
} as const;
const newest = {
  version: 1,
  vendor: sixteen,
  class: sixteen,
  manifestDigest: thirtyTwo,
  sequenceNumber: 1,
  created: 1,
  expires: 2,
} as const;
const receipt = {
  version: 1,
  device: 'lamp-1',
  nonce: sixteen,
  wallMs: 1,
  token: thirtyTwo,
  query: true,
} as const;

const message = <T>(name: string, rule: Schema<T>, value: T) => ({
  name: `protocol: ${name}`,
  encoded: write(rule, value),
  again: (input: Uint8Array) => write(rule, read(rule, input)),
});
export const messages = [
  message('registration', Registration, registration),
  message('check-in', CheckIn, checkIn),
  message('receipt', Receipt, receipt),
  message('offer', Offer, offer),
  message('answer to a poll', PollAnswer, { version: 1, offer, newest: thirtyTwo }),
  message('newest release', NewestRelease, newest),
  message('campaign', Campaign, campaign),
  message('order', CampaignOrder, order),
];
