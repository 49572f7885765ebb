/**
 * Names for people who look at an envelope: those of draft-ietf-suit-manifest-37 §11 and of its extension
 * drafts. Every registry is a table of its own.
 */

import { agreementAlgorithms, contentAlgorithms, wrapAlgorithms } from '@lapel/cose';
import {
  argumentCommands,
  commonElements,
  envelopeElements,
  manifestElements,
  policyCommands,
} from '@lapel/suit';

export type Names = ReadonlyMap<number, string>;

const fromCodes = (codes: Readonly<Record<string, number>>): [number, string][] =>
  Object.entries(codes).map(([name, code]) => [code, name]);

export const envelopeNames: Names = new Map([...fromCodes(envelopeElements)]);

export const manifestNames: Names = new Map(fromCodes(manifestElements));

export const commonNames: Names = new Map([...fromCodes(commonElements)]);

export const commandNames: Names = new Map([...fromCodes(policyCommands), ...fromCodes(argumentCommands)]);

export const parameterNames: Names = new Map([
  ...fromCodes({
    'vendor-identifier': 1,
    'class-identifier': 2,
    'image-digest': 3,
    'component-slot': 5,
    'strict-order': 12,
    'soft-failure': 13,
    'image-size': 14,
    content: 18,
    uri: 21,
    'source-component': 22,
    'invoke-args': 23,
    'device-identifier': 24,
    'fetch-arguments': 25,
    'use-before': 4,
    'minimum-battery': 26,
    'update-priority': 27,
    version: 28,
    'wait-info': 29,
    'component-metadata': 30,
    'encryption-info': 19,
  }),
]);

export const textNames: Names = new Map(
  fromCodes({
    'manifest-description': 1,
    'update-description': 2,
    'manifest-json-source': 3,
    'manifest-yaml-source': 4,
  }),
);

export const componentTextNames: Names = new Map([
  ...fromCodes({
    'vendor-name': 1,
    'model-name': 2,
    'vendor-domain': 3,
    'model-info': 4,
    'component-description': 5,
    'component-version': 6,
    'version-required': 7,
    'current-version': 8,
  }),
]);

/** RFC 9052 §2 and §4 to §6. */
export const coseTagNames: Names = new Map(
  fromCodes({
    COSE_Encrypt0: 16,
    COSE_Mac0: 17,
    COSE_Sign1: 18,
    COSE_Encrypt: 96,
    COSE_Mac: 97,
    COSE_Sign: 98,
  }),
);

/** RFC 9052 §3.1, and of recipients RFC 9053 §6.3.1. */
export const headerNames: Names = new Map(
  fromCodes({
    alg: 1,
    crit: 2,
    'content type': 3,
    kid: 4,
    IV: 5,
    'Partial IV': 6,
    'ephemeral key': -1,
    salt: -20,
  }),
);

const codesOf = (rows: Readonly<Record<string, { readonly code: number }>>) =>
  fromCodes(Object.fromEntries(Object.entries(rows).map(([name, { code }]) => [name, code])));

/**
 * Those of the COSE Algorithms registry that seal or encrypt something of SUIT somewhere, whether or not
 * Lapel speaks them.
 */
export const algorithmNames: Names = new Map([
  ...codesOf(contentAlgorithms),
  ...codesOf(wrapAlgorithms),
  ...codesOf(agreementAlgorithms),
  ...fromCodes({
    'HMAC 256/64': 4,
    'HMAC 256/256': 5,
    'HMAC 384/384': 6,
    'HMAC 512/512': 7,
    ES256: -7,
    EdDSA: -8,
    ESP256: -9,
    Ed25519: -19,
    ES384: -35,
    ES512: -36,
    'HSS-LMS': -46,
    ES256K: -47,
    'ML-DSA-44': -48,
    'ML-DSA-65': -49,
    'ML-DSA-87': -50,
    ESP384: -51,
    ESP512: -52,
    Ed448: -53,
  }),
]);

export const digestNames: Names = new Map(
  fromCodes({ 'sha-256': -16, shake128: -18, 'sha-384': -43, 'sha-512': -44, shake256: -45 }),
);
