/**
 * `npm run format`: writes every file in the one format of the house, and anew what docs/ takes from the
 * code: conformance.md and operator-api.json.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformancePage, pagePath } from './conformance-page.ts';
import { house } from './house.ts';
import { apiPath, operatorApiPage } from './operator-api-page.ts';

const prettier = join(house, 'node_modules/prettier/bin/prettier.cjs');
const args = [prettier, '--write', '--log-level', 'warn', '.', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { cwd: house, stdio: 'inherit' }).status ?? 1;
writeFileSync(join(house, pagePath), conformancePage());
writeFileSync(join(house, apiPath), await operatorApiPage());
