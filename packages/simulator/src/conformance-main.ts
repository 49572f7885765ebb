/**
 * `npm run conformance -- DIR [--trust KEY …]`: every vector of a folder, its verdict, the stage that
 * decided and why. With an `index.json` the verdicts are held against it; without one they are told, and an
 * envelope that is refused counts as failed. The last line is `N passed, N failed`.
 */

import { parseArgs } from 'node:util';
import type { Vector } from './conformance-index.ts';
import type { VectorFolder } from './conformance-folder.ts';
import { openFolder } from './conformance-folder.ts';
import type { Verdict } from './conformance-judge.ts';
import { judge, tell } from './conformance-judge.ts';

process.exitCode = conform(process.argv.slice(2));

function conform(args: readonly string[]): number {
  let folder: VectorFolder;
  try {
    folder = open(args);
  } catch (error) {
    console.error(messageOf(error));
    return 2;
  }
  let passed = 0;
  for (const vector of folder.vectors) {
    const { text, ok } = lineFor(vector, folder);
    if (ok) passed++;
    console.log(`${ok ? 'ok  ' : 'FAIL'}  ${text}`);
  }
  const failed = folder.vectors.length - passed;
  if (folder.vectors.length === 0) console.log('expected one vector or more, found none');
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function open(args: readonly string[]): VectorFolder {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { trust: { type: 'string', multiple: true, default: [] } },
    allowPositionals: true,
  });
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) {
    throw new Error(`expected one folder of vectors, found ${positionals.length}`);
  }
  return openFolder(folder, values.trust, Math.floor(Date.now() / 1000));
}

function lineFor(vector: Vector, folder: VectorFolder): { readonly text: string; readonly ok: boolean } {
  const { file, expect, stage, unread } = vector;
  try {
    if (unread !== undefined) throw new Error(unread);
    const around = folder.around(vector);
    if (!folder.indexed) {
      const [verdict, other] = tell(around.file(file), vector, around);
      const boots = other?.stage === 'boot' && verdict?.stage !== 'boot';
      const second = boots ? '; accept at boot' : '; accept where its policy is lenient';
      return {
        text: `${file}  ${verdict === undefined ? '' : shown(verdict)}${other === undefined ? '' : second}`,
        ok: verdict?.accepted === true || boots,
      };
    }
    const { passed, verdicts } = judge(around.file(file), vector, around);
    const found = verdicts.map(shown).join('; ');
    return { text: `${file}  ${passed ? '' : `expected ${expect} at ${stage}, found `}${found}`, ok: passed };
  } catch (error) {
    // A vector that breaks the judge must not hide the verdicts on the others.
    return {
      text: `${file}  expected ${expect} at ${stage}, found no verdict: ${messageOf(error)}`,
      ok: false,
    };
  }
}

function shown({ accepted, stage, reason }: Verdict): string {
  return accepted ? `accept at ${stage}` : `reject at ${stage}: ${reason}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
