/** The device is too small for what it is offered: it has too little working memory, or too little flash. */

import type { FailureReason, Stage } from '@lapel/suit';
import { SuitError } from '@lapel/suit';

export class Shortage extends SuitError {
  readonly of: 'memory' | 'flash';

  constructor(
    of: Shortage['of'],
    message: string,
    [stage, reason]: readonly [Stage, FailureReason] = ['run', 'operation-failed'],
  ) {
    super(stage, reason, message);
    this.of = of;
  }
}
