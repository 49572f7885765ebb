/**
 * A Recipient in memory: components are byte arrays, payloads a table. Small, and real enough to run any
 * manifest on.
 */

import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Answer, ComponentIdentifier, Effect, Floor, Limits, Recipient } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';

export interface MemoryRecipient extends Recipient {
  readonly components: Map<string, Uint8Array>;
  /** What it did, in order: `write 00`, `fetch …`, `invoke 00`. */
  readonly trace: string[];
  perform(effect: Effect): Answer;
}

export interface MemoryRecipientOptions {
  readonly limits: Limits;
  readonly vendor: string;
  readonly class: string;
  readonly device?: string;
  readonly slot?: number;
  readonly floor?: Floor | undefined;
  /** Names of the components it has, with what they hold. */
  readonly components: Readonly<Record<string, Uint8Array>>;
  readonly payloads?: ReadonlyMap<string, Uint8Array>;
}

export function memoryRecipient(options: MemoryRecipientOptions): MemoryRecipient {
  const components = new Map(Object.entries(options.components));
  const payloads = options.payloads ?? new Map<string, Uint8Array>();
  const trace: string[] = [];
  const identifiers = { vendor: options.vendor, class: options.class, device: options.device };
  const at = (component: ComponentIdentifier): Uint8Array =>
    components.get(componentName(component)) ?? new Uint8Array();
  const store = (component: ComponentIdentifier, content: Uint8Array) =>
    void components.set(componentName(component), content);
  const nonEmpty = (component: ComponentIdentifier): Uint8Array => {
    const content = at(component);
    if (content.length > 0) return content;
    throw new SuitError(
      'run',
      'operation-failed',
      `expected a source in ${componentName(component)}, found none`,
    );
  };

  function perform(effect: Effect): Answer {
    switch (effect.do) {
      case 'identify':
        return (
          effect.identifier instanceof Uint8Array && hex(effect.identifier) === identifiers[effect.which]
        );
      case 'digest': {
        const content = at(effect.component);
        if (content.length === 0 || (effect.sizeBytes ?? content.length) !== content.length) return undefined;
        return digest(effect.algorithm, content);
      }
      case 'slot':
        return effect.slot === (options.slot ?? 0);
      case 'content': {
        const content = at(effect.component);
        return content.length === effect.sizeBytes ? content : undefined;
      }
      default:
        trace.push(`${effect.do} ${componentName(effect.component)}`);
        return change(effect);
    }
  }

  function change(effect: Extract<Effect, { do: 'write' | 'fetch' | 'copy' | 'swap' | 'invoke' }>): void {
    switch (effect.do) {
      case 'write':
        return store(effect.component, effect.content);
      case 'fetch': {
        const payload = payloads.get(effect.uri);
        if (payload === undefined)
          throw new SuitError('run', 'operation-failed', `found nothing at ${effect.uri}`);
        return store(effect.component, payload);
      }
      case 'copy':
        return store(effect.component, nonEmpty(effect.source));
      case 'swap': {
        const source = nonEmpty(effect.source);
        store(effect.source, at(effect.component));
        return store(effect.component, source);
      }
      case 'invoke':
        nonEmpty(effect.component);
    }
  }

  return {
    limits: options.limits,
    hasComponent: (component) => components.has(componentName(component)),
    floor: () => options.floor,
    components,
    trace,
    perform,
  };
}
