/** The `lapel` command without a server: what an author does on one machine. */

import { join } from 'node:path';
import { testScripts } from './run-scripts.ts';

await testScripts(join(import.meta.dirname, 'scripts'));
