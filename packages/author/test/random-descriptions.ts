/** Descriptions with keys and values at random, the same for the same schema: right ones and wrong ones. */

import type { JsonSchema } from '@lapel/author';

type Chance = (below: number) => number;

/** Enough for what is no key of a shape at all. */
const words = [
  'main',
  'a.bin',
  '1.2',
  '>=1',
  "h'00'",
  "h'0'",
  '',
  '02:30',
  '2027-01-01',
  'monday',
  'A128GCM',
];
const more = ['text', 'regular', 'list_read', 'https://x.example/', 'e n', 'now', 0, 7, -1, 1.5, 70_000];
const values: readonly unknown[] = [...words, ...more, true, false, null, [], {}, ['main', 'x'], ['>=1']];
const depthMax = 5;

export function* randomDescriptions(schema: JsonSchema, count: number): Generator<unknown, void, undefined> {
  let state = 42;
  // Park and Miller's minimal standard.
  const chance: Chance = (below) => (state = (state * 48_271) % 2_147_483_647) % below;
  const definitions = schema['definitions'] as Readonly<Record<string, JsonSchema>>;
  const head = { sequence: 1, vendor: 'lapel.example', class: 'lamp' };
  const short = { component: 'main', image: 'a.bin' };
  for (let left = count; left > 0; left--) {
    const extra = objectOf(schema, { definitions, chance, depth: 0 }, 1 + chance(3));
    // What a description needs is there most of the time.
    const base = chance(12) === 0 ? {} : 'components' in extra ? head : { ...head, ...short };
    yield chance(4) === 0 ? { ...extra, ...base } : { ...base, ...extra };
  }
}

interface Making {
  readonly definitions: Readonly<Record<string, JsonSchema>>;
  readonly chance: Chance;
  readonly depth: number;
}

function objectOf(schema: JsonSchema, making: Making, optionalKeys: number): Record<string, unknown> {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const names = Object.keys(properties);
  const needed = making.chance(10) === 0 ? [] : ((schema['required'] ?? []) as readonly string[]);
  const chosen = new Set(making.depth === 0 ? [] : needed);
  for (let left = optionalKeys; left > 0; left--) chosen.add(pick(names, making.chance) ?? 'zzz');
  return Object.fromEntries([...chosen].map((name) => [name, valueOf(properties[name] ?? {}, making)]));
}

function valueOf(schema: JsonSchema, { definitions, chance, depth }: Making): unknown {
  const making = { definitions, chance, depth: depth + 1 };
  if (depth > depthMax || chance(12) === 0) return pick(values, chance);
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    return valueOf(definitions[reference.replace('#/definitions/', '')] ?? {}, making);
  }
  const anyOf = schema['anyOf'] as readonly JsonSchema[] | undefined;
  if (anyOf !== undefined) return valueOf(pick(anyOf, chance) ?? {}, making);
  if ('const' in schema) return schema['const'];
  if ('enum' in schema) return pick(schema['enum'] as readonly unknown[], chance);
  switch (schema['type']) {
    case 'object':
      if ('properties' in schema) return objectOf(schema, making, chance(3));
      return { [String(pick(['en', 'admin', '7', 'e n'], chance))]: valueOf(memberOf(schema), making) };
    case 'array':
      return Array.from({ length: 1 + chance(3) }, () =>
        valueOf((schema['items'] ?? {}) as JsonSchema, making),
      );
    case 'integer':
      return chance(5) === 0 ? -1 : chance(20_000);
    case 'boolean':
      return chance(3) > 0;
    default:
      return fitting(schema, chance);
  }
}

const memberOf = (schema: JsonSchema) => (schema['additionalProperties'] ?? {}) as JsonSchema;

/** A word of the pattern, where there is one among the words and chance wants it. */
function fitting(schema: JsonSchema, chance: Chance): unknown {
  const pattern = schema['pattern'];
  const fit = typeof pattern === 'string' ? words.filter((each) => new RegExp(pattern).test(each)) : ['x y'];
  return chance(5) > 0 ? (pick(fit, chance) ?? pick(values, chance)) : pick(values, chance);
}

const pick = <T>(from: readonly T[], chance: Chance): T | undefined => from[chance(from.length)];
