/** What devices can afford, by the names that a person types. */

import { class1, linux, server } from '@lapel/suit';

export const profiles = { class1, linux, server } as const;
export type ProfileName = keyof typeof profiles;
