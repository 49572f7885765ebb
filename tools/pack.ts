/**
 * `npm run pack`: the tarballs of all packages, in dist/tarballs.
 */
import { join, relative } from 'node:path';
import { house } from './house.ts';
import { packRooms } from './pack-rooms.ts';

for (const [name, path] of packRooms(join(house, 'dist'))) console.log(`${name}  ${relative(house, path)}`);
