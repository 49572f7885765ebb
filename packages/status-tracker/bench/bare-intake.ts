/**
 * The least that a server can do with a report and still be true to it: HTTP as Node has it, the key looked
 * up and the signature proved, one row on the disk before the answer. It knows no offers, no members and no
 * campaigns: what a tracker does beyond it, is what a tracker is for.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { DatabaseSync } from 'node:sqlite';
import { decodeVerificationKey, encodeVerificationKey, openSigned, peekSigned } from '@lapel/cose';
import { hex } from '@lapel/cbor';
import { inTurns } from '../src/server/in-turns.ts';
import type { Lamp } from './fleet-over-http.ts';

/** @returns its result: what `measure` makes of the port that it listens on. */
export async function barely<T>(lamps: readonly Lamp[], measure: (port: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  const keys = new Map(lamps.map(({ key }) => [hex(key.public.kid), encodeVerificationKey(key.public)]));
  const worker = new Worker(new URL(import.meta.url), { workerData: { keys, path: join(folder, 'bare') } });
  const take = inTurns(async (batch: readonly Uint8Array[]) => {
    worker.postMessage(batch);
    const [taken] = (await once(worker, 'message')) as [readonly true[]];
    return taken;
  });
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => void parts.push(part));
    request.on('end', () => {
      const answer = (status: number) => void response.writeHead(status).end();
      take(new Uint8Array(Buffer.concat(parts))).then(
        () => answer(204),
        () => answer(500),
      );
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    return await measure((server.address() as AddressInfo).port);
  } finally {
    server.close();
    await worker.terminate();
    await rm(folder, { recursive: true });
  }
}

if (!isMainThread) {
  const { keys, path } = workerData as {
    readonly keys: ReadonlyMap<string, Uint8Array>;
    readonly path: string;
  };
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE report (signed BLOB NOT NULL)');
  const write = db.prepare('INSERT INTO report (signed) VALUES (?)');
  parentPort?.on('message', (batch: readonly Uint8Array[]) => {
    db.exec('BEGIN');
    for (const signed of batch) {
      const key = keys.get(hex(peekSigned(signed).kid ?? new Uint8Array()));
      if (key === undefined) throw new Error('expected a known key, found none');
      openSigned(signed, [decodeVerificationKey(key)]);
      write.run(signed);
    }
    db.exec('COMMIT');
    parentPort?.postMessage(batch.map(() => true));
  });
}
