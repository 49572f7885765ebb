/**
 * `npm run browser`: the page that looks at envelopes and tries them, in dist/browser.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { makePage } from './browser-page.ts';
import { house } from './house.ts';

const folder = join(house, 'dist/browser');
mkdirSync(folder, { recursive: true });
const path = join(folder, 'lapel.html');
const page = await makePage();
writeFileSync(path, page);
console.log(
  `${relative(house, path)}  ${Math.ceil(Buffer.byteLength(page) / 1024)} KiB: open it in a browser`,
);
process.exit();
