/** What the tracker remembers of the ways into the fleet: manufacturers, tokens, and who waits outside. */
import type { Act, Admission, NewDevice } from '../fleet.ts';

/** Whose word lets a device in. Its certificate is what an operator has chosen to trust: no chain goes on. */
export interface Manufacturer {
  readonly name: string;
  /** X.509, in DER. */
  readonly certificate: Uint8Array;
  readonly vendor: Uint8Array;
  /** The only ones that its certificates are good for. */
  readonly classes: readonly Uint8Array[];
  /** Serial numbers, in hexadecimal, that are good for nothing any more. */
  readonly revoked: readonly string[];
  readonly createdMs: number;
}

export interface EnrolmentToken {
  readonly name: string;
  /** The part of the token that finds it: no secret. */
  readonly id: Uint8Array;
  /** SHA-256 of the whole. */
  readonly hash: Uint8Array;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly uses: number;
  readonly used: number;
  readonly expiresMs: number;
  readonly createdMs: number;
}

/** What a device that nobody knows asks to be let in by. `approval`: it waits for an operator. */
export type Way = Admission | ApprovalWay;

export interface ApprovalWay {
  readonly by: 'approval';
  readonly waitingMax: number;
  /** Where no more may wait, those that were not heard of since then make room. */
  readonly silentBeforeMs: number;
}

/**
 * `let-in`: it was known and waited. `known`: nothing had to be done, and nothing was spent. `other-key`: the
 * id is known by another key. `key-in-use`: the key is known by another id. `full`: too many wait, and all of
 * them are heard of. `token-over`: it is used up, expired or revoked. `manufacturer-gone`: it, or what it has
 * certified, was revoked meanwhile.
 */
export type EnrolEnd =
  'added' | 'let-in' | 'known' | 'other-key' | 'key-in-use' | 'full' | 'token-over' | 'manufacturer-gone';

export interface Enrolled {
  readonly end: EnrolEnd;
  /** Those that had to make room. */
  readonly forgotten: readonly string[];
}

export interface EnrolmentStore {
  /** The device and what it costs (a token's use, a place in the queue): both, or neither. */
  enrol(device: Omit<NewDevice, 'approval'>, way: Way, by: Act): Promise<Enrolled>;
  /** Forgets devices that wait for approval. @returns those that did. */
  turnAway(devices: readonly string[], by: Act): Promise<readonly string[]>;
  /** @returns false where its name, or its certificate, is there already. */
  addManufacturer(manufacturer: Manufacturer, by: Act): Promise<boolean>;
  /** Devices that it has let in stay. @returns whether there was one of that name. */
  removeManufacturer(name: string, by: Act): Promise<boolean>;
  /** @returns the devices that these certificates had let in, and that are frozen now. */
  revokeCertificates(name: string, serials: readonly string[], by: Act): Promise<readonly string[]>;
  /** In the order of their names. */
  manufacturers(): Promise<readonly Manufacturer[]>;
  /** @returns false where its name is taken. */
  addEnrolmentToken(token: EnrolmentToken, by: Act): Promise<boolean>;
  /** @returns whether there was one of that name. */
  removeEnrolmentToken(name: string, by: Act): Promise<boolean>;
  /** In the order of their names. */
  enrolmentTokens(): Promise<readonly EnrolmentToken[]>;
  enrolmentToken(id: Uint8Array): Promise<EnrolmentToken | undefined>;
}

/** Of those that wait, as many at most make room at a time. */
export const forgottenMax = 100;

export const certificateRevoked = 'the certificate that let it in was revoked';

/** What the audit says of a device that came in by itself. */
export const admissionText = (way: Admission): string =>
  way.by === 'token'
    ? `by the enrolment token ${way.name}`
    : `by the manufacturer ${way.name}, certificate ${way.serial}`;

/** Whether the token lets one more device in. */
export const hasUse = ({ used, uses, expiresMs }: EnrolmentToken, nowMs: number): boolean =>
  used < uses && nowMs < expiresMs;
