/** Sequences in sequences, and the invocation procedure. */

import type { Item } from '@lapel/cbor';
import { compatible, firmware, forge, imageOf, obtain, served, set, uri, utf8, wrapped } from './forge.ts';
import {
  asking,
  attempts,
  both,
  fail,
  fetching,
  holding,
  holdingOther,
  installing,
  run,
} from './installing.ts';
import { command as c, element, parameter as p } from './numbers.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

/** §8.4.10.2, §8.4.10.8, §8.4.8.15: what fails softly, and what does not. */
export const flows: readonly OwnVector[] = [
  accept(
    'run',
    'F01-try-second',
    'the second of two sequences',
    installing(...attempts(fail, obtain)),
    served,
  ),
  accept(
    'run',
    'F02-try-nil',
    'nil after one that fails',
    installing(...attempts(fail, null), ...obtain),
    served,
  ),
  reject('run', 'F03-try-exhausted', 'two sequences that fail', installing(...attempts(fail, fail)), served),
  reject(
    'run',
    'F04-try-directive',
    'a directive that fails in the first',
    installing(...attempts([c.fetch, 15], obtain)),
    served,
  ),
  reject(
    'run',
    'F05-try-unknown',
    'a command in the first that nobody knows',
    installing(...attempts([99, 15], obtain)),
    served,
  ),
  reject(
    'run',
    'F06-try-malformed',
    'a sequence that is none',
    installing(c.tryEach, [new Uint8Array([0xff]), wrapped(obtain)]),
    served,
  ),
  reject(
    'run',
    'F07-try-hard',
    'soft failure false in the first',
    installing(...attempts([...set([p.softFailure, false]), ...fail], obtain)),
    served,
  ),
  accept('run', 'F08-run', 'a sequence', installing(...run(...obtain)), served),
  reject('run', 'F09-run-fails', 'a sequence that fails', installing(...run(...fail), ...obtain), served),
  accept(
    'run',
    'F10-run-soft',
    'a sequence that fails softly',
    installing(...run(...set([p.softFailure, true]), ...fail), ...obtain),
    served,
  ),
  reject(
    'run',
    'F11-run-soft-directive',
    'soft failure spares no directive',
    installing(...run(...set([p.softFailure, true]), c.fetch, 15), ...obtain),
    served,
  ),
  accept(
    'run',
    'F12-run-soft-nested',
    'soft failure is not handed down: what follows the inner sequence is not reached',
    installing(...run(...set([p.softFailure, true]), ...run(...fail), c.fetch, 15), ...obtain),
    served,
  ),
  reject(
    'run',
    'F13-soft-outside',
    'soft failure outside of any sequence',
    installing(...set([p.softFailure, true]), ...obtain),
    served,
  ),
  reject(
    'run',
    'F14-soft-shared',
    'soft failure in the shared sequence',
    asking([...set([p.softFailure, true]), ...compatible]),
    served,
  ),
  reject('run', 'F15-deep', 'forty sequences in one another', installing(...deep(40)), served),
  accept('run', 'F16-three-deep', 'three sequences in one another', installing(...deep(3)), served),
  accept(
    'run',
    'F17-parameters-stay',
    'a parameter set in a sequence stays set',
    installing(...run(...set(...imageOf(firmware), [p.uri, uri])), c.fetch, 15, c.imageMatch, 15),
    served,
  ),
  accept('run', 'F18-slots', 'one sequence per slot', slots(), { ...served, device: { slot: 1 } }),
  reject('run', 'F19-slots-neither', 'a slot that no sequence is for', slots(), {
    ...served,
    device: { slot: 2 },
  }),
  accept(
    'run',
    'F20-try-for-each',
    'try-each once for every component',
    both(c.index, true, ...attempts([...set(...imageOf(firmware)), c.imageMatch, 15], obtain)),
    holdingOther,
  ),
  accept(
    'run',
    'F21-loose-order',
    'an order that does not matter',
    both(...set([p.strictOrder, false]), c.index, true, ...obtain),
    served,
  ),
  reject(
    'run',
    'F22-race',
    'read and changed in an order that does not matter',
    both(...set([p.strictOrder, false]), ...fetching, c.index, 1, ...set([p.source, 0]), c.copy, 15),
    served,
  ),
  reject(
    'run',
    'F23-validate',
    'install stores what validate finds wrong',
    forge({ install: fetching, validate: [...set(...imageOf(firmware)), c.imageMatch, 15] }),
    { payloads: { [uri]: 'old-fw.bin' } },
  ),
];

/** The invocation procedure. */
export const invocations: readonly OwnVector[] = [
  accept('boot', 'B01-invoke', 'what is there is invoked', booting([c.invoke, 15]), holding),
  accept(
    'boot',
    'B02-invoke-arguments',
    'with arguments',
    booting([...set([p.invokeArguments, utf8('-v')]), c.invoke, 15]),
    holding,
  ),
  reject('boot', 'B03-image-other', 'another image is there', booting([c.invoke, 15]), {
    device: { components: { '00': 'old-fw.bin' } },
  }),
  accept(
    'boot',
    'B04-load',
    'loaded before it is invoked',
    booting([c.invoke, 15], [...set([p.content, firmware]), c.write, 15]),
    holding,
  ),
  reject('boot', 'B05-abort', 'a condition that never holds', booting([...fail, c.invoke, 15]), holding),
  accept(
    'boot',
    'B06-install-unread',
    'an install that would abort',
    forge({ ...invoking([c.invoke, 15]), install: fail }),
    holding,
  ),
];

function invoking(invoke: readonly Item[], load?: readonly Item[]) {
  return {
    shared: [...compatible, ...set(...imageOf(firmware))],
    elements: new Map<number, Item | undefined>([
      ...(load === undefined ? [] : [[element.load, wrapped(load)] as const]),
      [element.invoke, wrapped(invoke)],
    ]),
  };
}

function booting(invoke: readonly Item[], load?: readonly Item[]): Uint8Array {
  const { shared, elements } = invoking(invoke, load);
  return forge({ shared, elements: new Map([[element.install, undefined], ...elements]) });
}

function deep(levels: number): readonly Item[] {
  return levels === 0 ? obtain : run(...deep(levels - 1));
}

function slots(): Uint8Array {
  const to = (slot: number) => [...set([p.slot, slot]), c.slot, 15, ...obtain];
  return installing(...attempts(to(0), to(1)));
}
