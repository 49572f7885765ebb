/**
 * A Recipient that is data: its components are byte arrays, its payloads a table, and nothing that it does
 * reaches the world. On it a manifest is tried before it is sent (RFC 9124 §4.5.1) or judged as a vector.
 */

import { hex } from '@lapel/cbor';
import { digest, equalInConstantTime, joined } from '@lapel/cose';
import type { Floor, Recipient } from '../admit.ts';
import { componentName } from '../trust-domains.ts';
import type { TrustAnchor } from '../trust-anchor.ts';
import type { Limits } from '../limits.ts';
import type { ComponentIdentifier } from '../manifest.ts';
import type { Policy } from '../policy.ts';
import { SuitError } from '../reason.ts';
import type { Version, WaitEvents } from '../update-management.ts';
import type { Answer, Effect, EncryptionInfo } from './effect.ts';
import type { DecryptionKey } from './encryption.ts';
import { decrypting } from './encryption.ts';
import type { Need } from './needs.ts';

export interface VirtualRecipient extends Recipient {
  /** What each component holds, by `componentName`. */
  readonly components: Map<string, Uint8Array>;
  /** What it did, in order: `write 00`, `fetch 00`, `invoke 00`. */
  readonly trace: string[];
  /** For a driver. */
  perform(effect: Effect): Answer;
  /** For whoever counts: what an update has brought is needed from now on. */
  remember(needs: readonly Need[]): void;
}

export interface VirtualRecipientOptions {
  readonly limits: Limits;
  readonly policy?: Policy;
  /** Without an identifier of a kind, no such condition holds. */
  readonly vendor?: Uint8Array;
  readonly class?: Uint8Array;
  readonly device?: Uint8Array;
  /** Where a new image goes. */
  readonly slot?: number;
  readonly floor?: Floor | undefined;
  /** The components that it has, by `componentName`, with what they hold. */
  readonly components: Readonly<Record<string, Uint8Array>>;
  /** Seconds since 1970; without it, no clock that it trusts. */
  readonly time?: number;
  readonly batteryMilliwattHours?: number;
  /** Of every component. */
  readonly version?: Version;
  /** Whether the application allows an update of this priority. Without an application nothing is. */
  readonly authorize?: (priority: number) => boolean;
  /** Whether it can wait for these events; they then come at once. */
  readonly waits?: (events: WaitEvents) => boolean;
  /** Who may vouch for dependencies; without them it supports none. */
  readonly anchors?: readonly TrustAnchor[];
  /** The manifests that need a component, each a digest in hex; without any list it does not count. */
  readonly references?: Map<string, Set<string>>;
  /** For what is encrypted; without them, nothing that is can be stored. */
  readonly decryptionKeys?: readonly DecryptionKey[];
  /** What is served, by URI. */
  readonly payloads?: ReadonlyMap<string, Uint8Array>;
}

type Change = Extract<Effect, { readonly do: 'write' | 'fetch' | 'copy' | 'swap' | 'invoke' }>;

export function virtualRecipient(options: VirtualRecipientOptions): VirtualRecipient {
  const components = new Map(Object.entries(options.components));
  const trace: string[] = [];

  function perform(effect: Effect): Answer {
    switch (effect.do) {
      case 'identify': {
        const own = options[effect.which];
        const { identifier } = effect;
        return own !== undefined && identifier instanceof Uint8Array && equalInConstantTime(own, identifier);
      }
      case 'digest': {
        const content = contentOf(components, effect.component);
        if (content.length === 0 || (effect.sizeBytes ?? content.length) !== content.length) return undefined;
        return digest(effect.algorithm, content);
      }
      case 'slot':
        return effect.slot === (options.slot ?? 0);
      case 'content': {
        const content = contentOf(components, effect.component);
        return content.length === effect.sizeBytes ? content : undefined;
      }
      case 'time':
        return options.time;
      case 'battery':
        return options.batteryMilliwattHours;
      case 'authorize':
        return options.authorize?.(effect.priority) ?? false;
      case 'version':
        return options.version;
      case 'wait':
        return options.waits?.(effect.events) ?? false;
      case 'envelope': {
        const content = contentOf(components, effect.component);
        return content.length === 0 || content.length > effect.bytesMax ? undefined : content;
      }
      case 'unlink':
        trace.push(`unlink ${componentName(effect.component)}`);
        return unlink(effect.component, effect.manifest);
      case 'describe':
        return void trace.push(`describe ${componentName(effect.component)}`);
      default:
        trace.push(`${effect.do} ${componentName(effect.component)}`);
        requireUnlinked(effect, options.references);
        return change(effect, components, options);
    }
  }

  /** Trust-domains §5.6.5: each manifest takes its own reference away, and that once. */
  function unlink(component: ComponentIdentifier, manifest: Uint8Array): number | undefined {
    if (options.references === undefined) return undefined;
    const name = componentName(component);
    const own = options.references.get(name) ?? new Set();
    own.delete(hex(manifest));
    // What nobody needs any more goes.
    if (own.size === 0 && contentOf(components, component).length > 0) {
      trace.push(`remove ${name}`);
      components.set(name, new Uint8Array());
    }
    return own.size;
  }

  return {
    limits: options.limits,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    hasComponent: (component) => components.has(componentName(component)),
    floor: () => options.floor,
    ...(options.anchors === undefined
      ? {}
      : { dependencies: { anchors: options.anchors, countMax: 8, depthMax: 4 } }),
    components,
    trace,
    perform,
    remember(needs) {
      for (const { component, manifest } of needs) {
        const name = componentName(component);
        const own = options.references?.get(name) ?? new Set();
        options.references?.set(name, own.add(hex(manifest)));
      }
    },
  };
}

function change(
  effect: Change,
  components: Map<string, Uint8Array>,
  { payloads, decryptionKeys = [] }: VirtualRecipientOptions,
): void {
  const store = (component: ComponentIdentifier, content: Uint8Array) =>
    void components.set(componentName(component), content);
  switch (effect.do) {
    case 'write':
      return store(effect.component, plaintext(effect.content, effect.encryption, decryptionKeys));
    case 'fetch': {
      const payload = payloads?.get(effect.uri);
      if (payload === undefined) throw failed(`expected a payload at ${effect.uri}, found none`);
      return store(effect.component, plaintext(payload, effect.encryption, decryptionKeys));
    }
    case 'copy': {
      const source = filled(components, effect.source, 'a source');
      return store(effect.component, plaintext(source, effect.encryption, decryptionKeys));
    }
    case 'swap': {
      const source = filled(components, effect.source, 'a source');
      store(effect.source, contentOf(components, effect.component));
      return store(effect.component, source);
    }
    case 'invoke':
      filled(components, effect.component, 'something to invoke');
  }
}

function plaintext(
  content: Uint8Array,
  encryption: EncryptionInfo | undefined,
  keys: readonly DecryptionKey[],
): Uint8Array {
  if (encryption === undefined) return content;
  const running = decrypting(encryption, keys);
  const first = running.update(content);
  return joined(first, running.finish());
}

function requireUnlinked(effect: Change, references: ReadonlyMap<string, Set<string>> | undefined): void {
  const makes = effect.do === 'write' || effect.do === 'fetch' || effect.do === 'copy';
  const count = references?.get(componentName(effect.component))?.size ?? 0;
  if (!makes || count === 0) return;
  throw failed(`expected ${componentName(effect.component)} to be unlinked, found ${count} references`);
}

const contentOf = (components: ReadonlyMap<string, Uint8Array>, component: ComponentIdentifier) =>
  components.get(componentName(component)) ?? new Uint8Array();

/** What a component holds, which must be something. */
function filled(
  components: ReadonlyMap<string, Uint8Array>,
  component: ComponentIdentifier,
  what: string,
): Uint8Array {
  const content = contentOf(components, component);
  if (content.length > 0) return content;
  throw failed(`expected ${what} in ${componentName(component)}, found none`);
}

const failed = (message: string) => new SuitError('run', 'operation-failed', message);
