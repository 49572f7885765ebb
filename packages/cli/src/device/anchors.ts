/** Whom a device will believe, and what each of them may, as its factory is told on a command line. */

import { hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, encodeWrappingKey } from '@lapel/cose';
import type { Provision } from '@lapel/device';
import { operatorGroup } from '@lapel/device';
import type { ComponentIdentifier, Permissions, Requirement } from '@lapel/suit';
import { componentsIn } from '../component-words.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readKey, readVerificationKey } from '../key-files.ts';
import { readTrustedKeys } from '../trusted-keys.ts';
import { usage } from './options.ts';

export interface AnchorPlan {
  readonly key: VerificationKey;
  readonly group?: string;
  readonly permissions?: Permissions;
  /** Whether it may say who else is trusted. */
  readonly delegates: boolean;
}

interface Told {
  readonly trust: readonly string[];
  readonly require: readonly Requirement[];
  /** `FILE=COMPONENTS`, each. */
  readonly may?: readonly string[];
  readonly mayNotDelegate?: readonly string[];
}

/** @throws {CommandFailure} where something is told of a key that is not trusted. */
export async function readAnchorPlans(told: Told): Promise<readonly AnchorPlan[]> {
  const trusted = await readTrustedKeys(told.trust, told.require);
  const files = new Set(trusted.map(({ file }) => file));
  const may = new Map((told.may ?? []).map(permission));
  const bound = new Set(told.mayNotDelegate);
  for (const [option, named] of [
    ['--may', [...may.keys()]],
    ['--may-not-delegate', [...bound]],
  ] as const) {
    const other = named.find((file) => !files.has(file));
    if (other !== undefined) throw usage(`expected a key of --trust in ${option}, found ${other}`);
  }
  return trusted.map(({ file, key, group }) => {
    const components = may.get(file);
    return {
      key,
      ...(group === undefined ? {} : { group }),
      ...(components === undefined ? {} : { permissions: { components } }),
      delegates: !bound.has(file),
    };
  });
}

function permission(text: string): readonly [string, readonly ComponentIdentifier[]] {
  const at = text.lastIndexOf('=');
  if (at > 0) return [text.slice(0, at), componentsIn(text.slice(at + 1))];
  throw usage(`expected --may such as operator.pub.pem=main, found ${JSON.stringify(text)}`);
}

/**
 * With the operators whose campaigns it will follow: who is trusted in their group already, and others, who
 * vouch for no manifest. @throws {CommandFailure} where one is trusted in another group.
 */
export async function withOperators(
  plans: readonly AnchorPlan[],
  files: readonly string[],
): Promise<readonly AnchorPlan[]> {
  const found = [...plans];
  for (const file of files) {
    const key = await readVerificationKey(file);
    const known = found.find((each) => hex(each.key.kid) === hex(key.kid));
    if (known === undefined) {
      found.push({ key, group: operatorGroup, permissions: { components: [] }, delegates: false });
    } else if (known.group !== operatorGroup) {
      const group = known.group === undefined ? 'in no group' : `in the group ${known.group}`;
      throw usage(`expected ${file} among --trust as ${file}=${operatorGroup}, found it ${group}`);
    }
  }
  return found;
}

/** As they are provisioned; a key of which nothing is told stands alone (manifest-37 §9). */
export const anchorsOf = (plans: readonly AnchorPlan[]): Provision['anchors'] =>
  plans.map(({ key, group, permissions, delegates }) => {
    const encoded = encodeVerificationKey(key);
    if (group === undefined && permissions === undefined && delegates) return encoded;
    return {
      key: encoded,
      ...(group === undefined ? {} : { group }),
      ...(permissions === undefined ? {} : { components: [...permissions.components] }),
      delegates,
    };
  });

/** A secret for key wrap, or a private key on P-256 (suit-firmware-encryption §6). */
export const readDecryptionKeys = (files: readonly string[]): Promise<readonly Uint8Array[]> =>
  Promise.all(
    files.map(async (file) => {
      const key = await readKey(file);
      if (key.use === 'wrap') return encodeWrappingKey(key);
      if (key.use === 'sign' && key.kind === 'P-256') return encodeSigningKey(key);
      const found = key.use === 'sign' ? `a private one of ${key.kind}` : `one for another use`;
      const message = `expected a secret for key wrap or a private key on P-256 in ${file}, found ${found}`;
      throw new CommandFailure(exitCodes.failed, message);
    }),
  );
