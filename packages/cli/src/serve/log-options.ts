/** What whoever runs a server is asked about its log: the same for each of them. */

import type { Command } from 'commander';
import { Option } from 'commander';
import { logFormats, logLevels } from './server-log.ts';

export const withLog = (command: Command): Command =>
  command
    .addOption(
      new Option('--log <format>', 'what it tells while it runs, on stderr')
        .choices(logFormats)
        .default('text'),
    )
    .addOption(
      new Option('--log-level <level>', 'with --log json: the least that is told')
        .choices(logLevels)
        .default('info'),
    );
