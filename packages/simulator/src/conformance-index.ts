/**
 * The `index.json` of a folder of vectors: which envelope is served what, on which device, and what must
 * become of it. It comes from outside, so every member is read as what it is, or refused.
 */

import type { DescribedDevice } from '@lapel/author/simulate';
import { MemberError, expected, members, oneOf, readDevice, textOf } from '@lapel/author/simulate';

const vectorsMax = 10_000;

const expectations = ['accept', 'accept-for-boot', 'reject', 'policy'] as const;
export type Expectation = (typeof expectations)[number];

/** `boot` is the invocation procedure; the others are of the update procedure. */
const stages = ['parse', 'auth', 'setup', 'run', 'boot'] as const;
export type VectorStage = (typeof stages)[number];

export interface Vector {
  readonly file: string;
  readonly expect: Expectation;
  readonly stage: VectorStage;
  /** File name by URI, or undefined where the vector says nothing of what is served. */
  readonly payloads: ReadonlyMap<string, string> | undefined;
  readonly device: DescribedDevice;
  /** Why it can't be judged: the device that it asks for has a property that nobody here knows. */
  readonly unread?: string;
}

export interface VectorIndex {
  /** Value by name: a trusted key's file, or the key itself. */
  readonly keys: ReadonlyMap<string, string>;
  readonly vectors: readonly Vector[];
}

/** @throws {Error} where the text is no index, with the place. */
export function readIndex(text: string): VectorIndex {
  const index = members(JSON.parse(text), 'the index');
  const device = readDevice(index.get('device'), 'device');
  const vectors = index.get('vectors');
  if (!Array.isArray(vectors) || vectors.length > vectorsMax) {
    throw expected(`a list of at most ${vectorsMax} vectors`, vectors, 'vectors');
  }
  return {
    keys: new Map(
      [...members(index.get('keys') ?? {}, 'keys')].map(([name, key]) => [name, textOf(key, name)]),
    ),
    vectors: vectors.map((vector: unknown, at) => readVector(vector, device, `vectors[${at}]`)),
  };
}

function readVector(value: unknown, common: DescribedDevice, where: string): Vector {
  const vector = members(value, where);
  const payloads = vector.get('payloads');
  return {
    file: textOf(vector.get('file'), `${where}.file`),
    expect: oneOf(expectations, vector.get('expect'), `${where}.expect`),
    stage: oneOf(stages, vector.get('stage'), `${where}.stage`),
    payloads:
      payloads === undefined
        ? undefined
        : new Map([...members(payloads, where)].map(([uri, file]) => [uri, textOf(file, uri)])),
    ...readOwnDevice(vector.get('device'), common, where),
  };
}

/** One vector's strange device must not hide the verdicts on the others. */
function readOwnDevice(
  value: unknown,
  common: DescribedDevice,
  where: string,
): Pick<Vector, 'device' | 'unread'> {
  try {
    return { device: { ...common, ...readDevice(value, `${where}.device`) } };
  } catch (error) {
    if (!(error instanceof MemberError)) throw error;
    return { device: common, unread: error.message };
  }
}
