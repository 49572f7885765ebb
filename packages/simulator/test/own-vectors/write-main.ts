/** `node packages/simulator/test/own-vectors/write-main.ts`: writes the folder of vectors anew. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './index.ts';

const path = join(import.meta.dirname, '../../vectors');
rmSync(path, { recursive: true, force: true });
mkdirSync(path);
for (const [name, bytes] of folder()) writeFileSync(join(path, name), bytes);
