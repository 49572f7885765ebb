/**
 * What devices have said of the updates that were carried to them: written to the stick, and handed in
 * later.
 */

import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { mediaTypes, reportBytesMax } from '@lapel/status-tracker/protocol';
import type { Handler } from '@lapel/transport';
import { Problem, bytesBody, discard, readProblem, request } from '@lapel/transport';
import { readBounded, writeNewFile } from '../files.ts';

/** On one stick. */
const reportsMax = 10_000;

const reportName = /^(?<device>[A-Za-z0-9][A-Za-z0-9._-]{0,63})\.(?<number>\d{5})\.report$/;

/** Behind those of the device that are there, so that they are handed in as they were said. */
export async function writeReport(stick: string, device: string, report: Uint8Array): Promise<string> {
  const before = (await readdir(stick)).flatMap((name) => {
    const groups = reportName.exec(name.replace(/\.handed-in$/, ''))?.groups;
    return groups?.['device'] === device ? [Number(groups['number'])] : [];
  });
  const number = 1 + Math.max(0, ...before);
  if (number > reportsMax) throw new RangeError(`expected at most ${reportsMax} reports of ${device}`);
  const file = join(stick, `${device}.${String(number).padStart(5, '0')}.report`);
  await writeNewFile(file, report, 0o644);
  return file;
}

export interface HandedIn {
  readonly file: string;
  /** Why the tracker does not take it; absent where it does. */
  readonly refused?: string;
}

/**
 * Hands in what lies on the stick, each once: whoever carries a report needs no token, because the device
 * has signed it. @throws {TransportError} where the server does not answer; the rest is then handed in
 * next time.
 */
export async function handInReports(stick: string, handler: Handler): Promise<readonly HandedIn[]> {
  const names = (await readdir(stick)).filter((name) => reportName.test(name)).toSorted();
  const done: HandedIn[] = [];
  for (const name of names.slice(0, reportsMax)) {
    const file = join(stick, name);
    const refused = await handIn(await readBounded(file, reportBytesMax), handler);
    if (refused === undefined) await rename(file, `${file}.handed-in`);
    done.push(refused === undefined ? { file } : { file, refused });
  }
  return done;
}

async function handIn(report: Uint8Array, handler: Handler): Promise<string | undefined> {
  const headers = { 'content-type': mediaTypes.report };
  const answer = await handler(request('POST', '/reports', { headers, body: bytesBody(report) }));
  if (answer.status === 'changed') {
    await discard(answer.body);
    return undefined;
  }
  const problem = await readProblem(answer);
  // The server is there and cannot take it now.
  if (problem.code === 'unavailable' || problem.code === 'storage-full')
    throw new Problem(problem.code, problem.detail);
  return problem.detail;
}
