/**
 * What a kind of device is: where things lie in its flash, which components it has, what it can afford.
 * Profiles are data.
 */

import type { ComponentIdentifier, Limits } from '@lapel/suit';
import type { Layout } from './storage/layout.ts';

export interface Profile {
  readonly name: string;
  readonly layout: Layout;
  /** The component whose images lie in the two slots. */
  readonly component: ComponentIdentifier;
  readonly limits: Limits;
}
