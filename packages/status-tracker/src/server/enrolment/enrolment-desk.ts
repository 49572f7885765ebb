/** What an operator decides of the ways into the fleet: whose certificates count, which tokens there are. */
import { compareBytes } from '@lapel/cbor';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { FleetStore } from '../store.ts';
import { readCertificate } from './certificate.ts';
import type { EnrolmentToken, Manufacturer } from './enrolment-store.ts';
import { newEnrolmentToken } from './enrolment-tokens.ts';

export type NewManufacturer = Pick<Manufacturer, 'name' | 'certificate' | 'vendor' | 'classes'>;
export type TokenTerms = Pick<EnrolmentToken, 'name' | 'vendor' | 'class' | 'uses' | 'expiresMs'>;

export interface EnrolmentDesk {
  /** @throws {Problem} where it is no valid certificate of a CA, or it or its name is there already. */
  addManufacturer(manufacturer: NewManufacturer, actor: string): Promise<Manufacturer>;
  /** What it has let in stays. @throws {Problem} where there is none of that name. */
  removeManufacturer(name: string, actor: string): Promise<void>;
  /** @returns the devices that were let in by these certificates, and are frozen now. @throws {Problem} */
  revokeCertificates(name: string, serials: readonly string[], actor: string): Promise<readonly string[]>;
  /** @returns the token, which nobody will be told again. @throws {Problem} where its name is taken. */
  makeEnrolmentToken(terms: TokenTerms, actor: string): Promise<Uint8Array>;
  /** @throws {Problem} where there is none of that name. */
  revokeEnrolmentToken(name: string, actor: string): Promise<void>;
  /** Forgets a device that waits. @throws {Problem} where there is none that does. */
  turnAway(device: string, actor: string): Promise<void>;
}

export interface EnrolmentDeskOptions {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly random: Random;
  /** The device's session is to end. */
  readonly forget: (device: string) => void;
  /** The device is to be offered nothing more. */
  readonly withdraw: (device: string) => void;
}

/** Each is looked at when a device brings a certificate. */
const manufacturersMax = 100;
const tokensMax = 1_000;
/** Longer ones are forgotten before they end. */
const tokenMsMax = 366 * 24 * 3_600_000;

export function createEnrolmentDesk(options: EnrolmentDeskOptions): EnrolmentDesk {
  const { store, clock, random } = options;
  const by = (actor: string) => ({ actor, atMs: clock.wallMs() });

  return {
    async addManufacturer({ name, certificate, vendor, classes }, actor) {
      const known = await store.manufacturers();
      if (known.length >= manufacturersMax) throw tooMany('manufacturers', manufacturersMax);
      requireAnchor(certificate, known, clock.wallMs());
      const added = { name, certificate, vendor, classes, revoked: [], createdMs: clock.wallMs() };
      if (await store.addManufacturer(added, by(actor))) return added;
      throw new Problem('conflict', `expected a name that no manufacturer has yet, found ${name}`);
    },
    async removeManufacturer(name, actor) {
      if (!(await store.removeManufacturer(name, by(actor)))) throw none('a manufacturer', name);
    },
    async revokeCertificates(name, serials, actor) {
      const isKnown = (await store.manufacturers()).some((each) => each.name === name);
      if (!isKnown) throw none('a manufacturer', name);
      const frozen = await store.revokeCertificates(name, serials.map(serialOf), by(actor));
      for (const device of frozen) options.withdraw(device);
      return frozen;
    },
    async makeEnrolmentToken(terms, actor) {
      const nowMs = clock.wallMs();
      if (terms.expiresMs <= nowMs || terms.expiresMs > nowMs + tokenMsMax) {
        const found = new Date(terms.expiresMs).toISOString();
        throw new Problem('unprocessable', `expected an end within a year from now, found ${found}`);
      }
      if ((await store.enrolmentTokens()).length >= tokensMax) throw tooMany('enrolment tokens', tokensMax);
      const { token, id, hash } = newEnrolmentToken(random);
      const made = { ...terms, id, hash, used: 0, createdMs: nowMs };
      if (await store.addEnrolmentToken(made, by(actor))) return token;
      throw new Problem('conflict', `expected a name that no enrolment token has yet, found ${terms.name}`);
    },
    async revokeEnrolmentToken(name, actor) {
      if (!(await store.removeEnrolmentToken(name, by(actor)))) throw none('an enrolment token', name);
    },
    async turnAway(device, actor) {
      const [gone] = await store.turnAway([device], by(actor));
      if (gone === undefined) {
        throw new Problem('not-found', `expected a device that waits for approval, found ${device}`);
      }
      options.forget(gone);
    },
  };
}

/** Two entries of one key would let the one's devices in by the other's terms. */
function requireAnchor(certificate: Uint8Array, known: readonly Manufacturer[], nowMs: number): void {
  const { key, isCa, usage, notAfterMs, name } = readCertificate(certificate);
  if (!isCa || usage?.certifies === false) {
    throw new Problem('unprocessable', `expected the certificate of a CA, found ${name}, which is none`);
  }
  if (notAfterMs < nowMs) {
    const end = new Date(notAfterMs).toISOString();
    throw new Problem(
      'unprocessable',
      `expected a certificate that is valid, found one that ended at ${end}`,
    );
  }
  const twin = known.find((each) => compareBytes(readCertificate(each.certificate).key.kid, key.kid) === 0);
  if (twin === undefined) return;
  throw new Problem('conflict', `expected a key that no manufacturer has yet, found that of ${twin.name}`);
}

/** As certificates are told of: without what does not count, in lower case. */
function serialOf(text: string): string {
  const digits = text.replaceAll(':', '').toLowerCase().replace(/^0+/, '');
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

const none = (what: string, found: string) =>
  new Problem('not-found', `expected the name of ${what}, found ${found}`);

const tooMany = (what: string, most: number) =>
  new Problem('conflict', `expected fewer than ${most} ${what}`);
