/** A thread that is asked: of each call it tells the result, or the error as it was. */
import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Opened, Told } from './across.ts';
import { compact, errorOf } from './across.ts';

export interface AskedThread {
  /** What can be asked of it. */
  readonly methods: readonly string[];
  ask(method: string, given: readonly unknown[]): Promise<unknown>;
  /** What is still asked is never answered. */
  end(): Promise<void>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** @param name of its script, beside this one. @throws what its script throws before it can be asked. */
export async function startThread(name: string, workerData?: unknown): Promise<AskedThread> {
  const script = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(script, { workerData });
  const [opened] = (await once(worker, 'message')) as [Opened];
  if ('failure' in opened) throw errorOf(opened.failure);
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  worker.on('message', ({ id, value, failure }: Told) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (failure === undefined) resolve?.(value);
    else reject?.(errorOf(failure));
  });
  // Without it a server is none: it ends, and whoever runs it starts it again.
  worker.on('error', (error) => {
    throw error;
  });
  return {
    methods: opened.methods,
    ask: (method, given) =>
      new Promise((resolve, reject) => {
        asked += 1;
        waiting.set(asked, { resolve, reject });
        worker.postMessage({ id: asked, method, given: compact(given) });
      }),
    end: async () => void (await worker.terminate()),
  };
}
