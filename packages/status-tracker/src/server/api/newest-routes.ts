/** Which release of each class is the newest, in operators' own words. */
import { hex } from '@lapel/cbor';
import { uuidText } from '@lapel/suit';
import type { Desk } from '../desk.ts';
import type { Newest } from '../newest-store.ts';
import type { FleetStore } from '../store.ts';
import * as answers from './answers.ts';
import type { Routes } from './route.ts';
import { deciders, readers, signedBody } from './route.ts';

export const newestRoutes = ({
  store,
  desk,
}: {
  readonly store: FleetStore;
  readonly desk: Desk;
}): Routes => ({
  'GET /newest': {
    roles: readers,
    summary: 'The last word on the newest release of each class, and until when it holds',
    answer: answers.AllNewest,
    run: async () => (await store.newest()).map(newestJson),
  },
  'POST /newest': {
    roles: deciders,
    summary: 'Hands on which release is the newest, as an operator has signed it',
    body: 'signed',
    answer: answers.Newest,
    status: 201,
    run: async ({ request, actor }) => newestJson(await desk.tellNewest(signedBody(request), actor)),
  },
});

const newestJson = (newest: Newest) => ({
  vendor: uuidText(newest.vendor),
  class: uuidText(newest.class),
  manifestDigest: hex(newest.manifestDigest),
  sequenceNumber: newest.sequenceNumber,
  createdMs: newest.createdMs,
  expiresMs: newest.expiresMs,
});
