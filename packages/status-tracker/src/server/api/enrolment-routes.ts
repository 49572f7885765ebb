/** What operators decide of the ways into the fleet. */
import { unhex, hex } from '@lapel/cbor';
import { uuidText } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { Desk } from '../desk.ts';
import { readCertificate } from '../enrolment/certificate.ts';
import type { EnrolmentToken, Manufacturer } from '../enrolment/enrolment-store.ts';
import type { FleetStore } from '../store.ts';
import type { Sent } from './answers.ts';
import * as answers from './enrolment-answers.ts';
import * as questions from './enrolment-questions.ts';
import type { Routes } from './route.ts';
import { deciders, idOf, readers, uuidOf } from './route.ts';

interface Of {
  readonly store: FleetStore;
  readonly desk: Desk;
  readonly clock: Clock;
}

export const enrolmentRoutes = (of: Of): Routes => ({ ...manufacturerRoutes(of), ...tokenRoutes(of) });

const manufacturerRoutes = ({ store, desk }: Of): Routes => ({
  'GET /manufacturers': {
    roles: readers,
    summary: 'Whose certificates let devices in',
    answer: answers.Manufacturers,
    run: async () => (await store.manufacturers()).map(manufacturerJson),
  },
  'POST /manufacturers': {
    roles: deciders,
    summary: 'Lets devices in of which this certificate says that they are of these classes',
    body: questions.ManufacturerBody,
    answer: answers.Manufacturer,
    status: 201,
    run: async ({ request, actor }) => {
      const { name, certificate, vendor, classes } = request.body as questions.ManufacturerBody;
      const manufacturer = {
        name,
        certificate: derOf(certificate),
        vendor: uuidOf('vendor', vendor),
        classes: classes.map((each) => uuidOf('class', each)),
      };
      return manufacturerJson(await desk.addManufacturer(manufacturer, actor));
    },
  },
  'DELETE /manufacturers/:id': {
    roles: deciders,
    summary: 'Lets no more devices in by that certificate; those that are in stay',
    status: 204,
    run: async ({ request, actor }) => desk.removeManufacturer(idOf(request), actor),
  },
  'POST /manufacturers/:id/revocations': {
    roles: deciders,
    summary: 'Revokes certificates by their serial numbers, and freezes the devices that came in by them',
    body: questions.RevocationBody,
    answer: answers.Revoked,
    run: async ({ request, actor }) => {
      const { serials } = request.body as questions.RevocationBody;
      return { frozen: await desk.revokeCertificates(idOf(request), serials, actor) };
    },
  },
});

const tokenRoutes = ({ store, desk, clock }: Of): Routes => ({
  'GET /enrolment-tokens': {
    roles: readers,
    summary: 'The tokens that let devices in, without their secrets',
    answer: answers.EnrolmentTokens,
    run: async () => (await store.enrolmentTokens()).map(tokenJson),
  },
  'POST /enrolment-tokens': {
    roles: deciders,
    summary: 'Makes a token that lets so many devices of a class in, for a while',
    body: questions.EnrolmentTokenBody,
    answer: answers.MadeToken,
    status: 201,
    run: async ({ request, actor }) => {
      const { name, vendor, class: product, uses, forMs } = request.body as questions.EnrolmentTokenBody;
      const ids = { vendor: uuidOf('vendor', vendor), class: uuidOf('class', product) };
      const terms = { name, ...ids, uses, expiresMs: clock.wallMs() + forMs };
      const token = await desk.makeEnrolmentToken(terms, actor);
      return { ...tokenJson({ ...terms, used: 0, createdMs: clock.wallMs() }), token: hex(token) };
    },
  },
  'DELETE /enrolment-tokens/:id': {
    roles: deciders,
    summary: 'Revokes the enrolment token of that name; devices that are in stay',
    status: 204,
    run: async ({ request, actor }) => desk.revokeEnrolmentToken(idOf(request), actor),
  },
});

/** @throws {Problem} where it is neither; what is in it is looked at later. */
function derOf(text: string): Uint8Array {
  const encoded = /^-----BEGIN CERTIFICATE-----(?<encoded>[A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;
  const inPem = encoded.exec(text.trim())?.groups?.['encoded'];
  const der = inPem === undefined ? unhex(text) : new Uint8Array(Buffer.from(inPem, 'base64'));
  if (der !== undefined && der.length > 0) return der;
  throw new Problem('bad-request', 'expected one certificate in PEM, or DER in hexadecimal, found neither');
}

function manufacturerJson(manufacturer: Manufacturer): Sent<typeof answers.Manufacturer> {
  const { name, certificate, vendor, classes, revoked, createdMs } = manufacturer;
  const { name: subject, x509, notAfterMs } = readCertificate(certificate);
  return {
    name,
    vendor: uuidText(vendor),
    classes: classes.map(uuidText),
    subject,
    fingerprint: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    notAfterMs,
    revoked: [...revoked],
    createdMs,
  };
}

function tokenJson(token: Omit<EnrolmentToken, 'id' | 'hash'>): Sent<typeof answers.EnrolmentToken> {
  const { vendor, class: product, name, uses, used, expiresMs, createdMs } = token;
  return { name, vendor: uuidText(vendor), class: uuidText(product), uses, used, expiresMs, createdMs };
}
