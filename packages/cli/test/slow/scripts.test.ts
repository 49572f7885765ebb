/** The `lapel` command with a server of its own. */

import { join } from 'node:path';
import { testScripts } from '../run-scripts.ts';

await testScripts(join(import.meta.dirname, 'scripts'));
