/**
 * `npm run format`: writes every file in the one format of the house, and docs/conformance.md anew.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformancePage, pagePath } from './conformance-page.ts';
import { house } from './house.ts';

const prettier = join(house, 'node_modules/prettier/bin/prettier.cjs');
const args = [prettier, '--write', '--log-level', 'warn', '.', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { cwd: house, stdio: 'inherit' }).status ?? 1;
writeFileSync(join(house, pagePath), conformancePage());
