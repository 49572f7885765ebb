/**
 * `npm run format`: writes every file in the one format of the house.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { house } from './house.ts';

const prettier = join(house, 'node_modules/prettier/bin/prettier.cjs');
const args = [prettier, '--write', '--log-level', 'warn', '.', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { cwd: house, stdio: 'inherit' }).status ?? 1;
