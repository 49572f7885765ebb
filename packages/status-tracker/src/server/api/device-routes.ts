/** What operators ask of devices and do to them. */
import { unhex } from '@lapel/cbor';
import { matching } from '../attributes.ts';
import type { Desk } from '../desk.ts';
import { readPublicKey } from '../desk.ts';
import type { FleetStore } from '../store.ts';
import * as answers from './answers.ts';
import { deviceJson, evidenceJson } from './as-json.ts';
import type { DevicesQuery } from './questions.ts';
import * as questions from './questions.ts';
import type { Routes } from './route.ts';
import { approvers, deciders, idOf, nextOf, readers, uuidOf } from './route.ts';

const evidenceMax = 100;

const becauseOf = ({ body }: { readonly body: unknown }) => (body as questions.BecauseBody).because;

function channelOf({ masterSecret, masterSalt, idContext, senderId, recipientId }: questions.Oscore) {
  const bytes = (text: string): Uint8Array => unhex(text) ?? new Uint8Array();
  return {
    secret: bytes(masterSecret),
    ...(masterSalt === undefined ? {} : { salt: bytes(masterSalt) }),
    ...(idContext === undefined ? {} : { idContext: bytes(idContext) }),
    sender: bytes(senderId),
    recipient: bytes(recipientId),
  };
}

interface Devices {
  readonly store: FleetStore;
  readonly desk: Desk;
}

export const deviceRoutes = (devices: Devices): Routes => ({ ...asked(devices), ...decided(devices) });

const asked = ({ store, desk }: Devices): Routes => ({
  'GET /devices': {
    roles: readers,
    summary: 'The fleet, or who waits, is frozen or retired, a page at a time, in the order of ids',
    query: questions.DevicesQuery,
    answer: answers.Devices,
    run: async ({ request }) => {
      const { where, ...page } = request.query as DevicesQuery;
      const wanted = where === undefined ? () => true : matching(where);
      const devices = await store.devices(page);
      const next = nextOf(page, devices.at(-1)?.id, devices.length);
      return { devices: devices.filter(wanted).map(deviceJson), next };
    },
  },
  'GET /devices/:id': {
    roles: readers,
    summary: 'One device, and why it is or is not updating',
    answer: answers.ExplainedDevice,
    run: async ({ request }) => {
      const { device, explanation, evidence } = await desk.device(idOf(request));
      return { ...deviceJson(device), explanation, evidence };
    },
  },
  'GET /devices/:id/reports': {
    roles: readers,
    summary: 'What the device itself has said, signed, newest first',
    answer: answers.AllEvidence,
    run: async ({ request }) => (await store.evidence(idOf(request), evidenceMax)).map(evidenceJson),
  },
});

const decided = ({ desk }: Devices): Routes => ({
  'POST /devices': {
    roles: deciders,
    summary: 'Makes a device known by its public key, before it registers',
    body: questions.ProvisionBody,
    answer: answers.Provisioned,
    status: 201,
    run: async ({ request, reply, actor }) => {
      const { id, publicKey, vendor, class: product, oscore } = request.body as questions.ProvisionBody;
      const key = readPublicKey(publicKey);
      const device = { id, key, vendor: uuidOf('vendor', vendor), class: uuidOf('class', product) };
      const channel = oscore === undefined ? {} : { channel: channelOf(oscore) };
      if (!(await desk.provision({ ...device, ...channel }, actor))) void reply.code(200);
      return { id };
    },
  },
  'POST /tags': {
    roles: deciders,
    summary: 'Calls devices by other tags; campaigns ask for them as tag.NAME',
    body: questions.TagsBody,
    answer: answers.Tagged,
    run: async ({ request, actor }) => {
      const { devices, set, remove } = request.body as questions.TagsBody;
      return { devices: [...(await desk.tag(devices, { set, remove }, actor))] };
    },
  },
  'POST /devices/:id/approve': {
    roles: approvers,
    summary: 'Lets a device in that has registered by itself, or that was frozen or retired',
    status: 204,
    run: async ({ request, actor }) => desk.approve(idOf(request), actor),
  },
  'POST /devices/:id/freeze': {
    roles: approvers,
    summary: 'Offers a device nothing more until it is approved again; it may still report',
    body: questions.BecauseBody,
    status: 204,
    run: async ({ request, actor }) => desk.freeze(idOf(request), becauseOf(request), actor),
  },
  'POST /devices/:id/retire': {
    roles: approvers,
    summary: 'Takes a device out of the fleet and its campaigns; its id, key and reports are kept',
    body: questions.BecauseBody,
    status: 204,
    run: async ({ request, actor }) => desk.retire(idOf(request), becauseOf(request), actor),
  },
  'DELETE /devices/:id': {
    roles: approvers,
    summary: 'Turns a device away that has registered by itself and waits',
    status: 204,
    run: async ({ request, actor }) => desk.turnAway(idOf(request), actor),
  },
});
