/**
 * The `lapel` command as people type it: what an author does on one machine, and what all do with servers.
 */

import { join } from 'node:path';
import { testScripts } from '../run-scripts.ts';

await testScripts(join(import.meta.dirname, '..', 'scripts'));
await testScripts(join(import.meta.dirname, 'scripts'));
