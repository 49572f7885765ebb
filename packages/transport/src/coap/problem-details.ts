/**
 * Problems over CoAP: concise problem details (RFC 9290) in place of the JSON of RFC 9457. Our code travels
 * in `tunnel-7807` (RFC 9290 §B), which is there for members of the older document.
 */
import { CborError, decode, encode } from '@lapel/cbor';
import type { Item } from '@lapel/cbor';
import type { ProblemCode } from '../problem.ts';
import { Problem, isProblemCode, readProblem } from '../problem.ts';
import type { Response } from '../exchange.ts';

const keys = { detail: -2, unprocessedOption: -8, tunnel7807: 7807 } as const;
const codeMember = 'code';

/** Enough for expected and found, so that a problem needs no second block. */
const detailBytesMax = 700;

/** What a failed response says, in as few bytes as CoAP likes. */
export async function conciseProblem(response: Response): Promise<Uint8Array> {
  const { code, detail } = await readProblem(response);
  return encode(
    new Map<Item, Item>([
      [keys.detail, shortened(detail)],
      [keys.tunnel7807, new Map<Item, Item>([[codeMember, code]])],
    ]),
  );
}

/** RFC 9290 §3.1.1: which option was not understood. */
export const unprocessedOption = (number: number): Uint8Array =>
  encode(
    new Map<Item, Item>([
      [keys.detail, `expected options that are understood, found critical option ${number}`],
      [keys.unprocessedOption, number],
    ]),
  );

/** Undefined where the bytes are no such problem: the response's own code is then all that is known. */
export function readConciseProblem(bytes: Uint8Array, fallback: ProblemCode): Problem | undefined {
  const document = parsed(bytes);
  if (!(document instanceof Map)) return undefined;
  const detail: unknown = document.get(keys.detail);
  if (typeof detail !== 'string') return undefined;
  const tunnel: unknown = document.get(keys.tunnel7807);
  const code: unknown = tunnel instanceof Map ? tunnel.get(codeMember) : undefined;
  return new Problem(isProblemCode(code) ? code : fallback, detail);
}

function parsed(bytes: Uint8Array): Item {
  try {
    return decode(bytes);
  } catch (error) {
    // §2: whoever sent it may write CBOR as others do; its code says enough.
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

function shortened(text: string): string {
  if (text.length * 3 <= detailBytesMax) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= detailBytesMax) return text;
  // What was cut in the middle of a character is left out.
  return new TextDecoder().decode(bytes.subarray(0, detailBytesMax)).replace(/\uFFFD+$/, '');
}
