/** What operators read before they start or approve a campaign, and what came of it. */
import { mediaTypes } from '../../protocol.ts';
import type { Desk } from '../desk.ts';
import { patchCsv, patchPlot } from '../patched.ts';
import * as answers from './answers.ts';
import type { Routes } from './route.ts';
import { idOf, readers, signedBody } from './route.ts';

export function rolloutRoutes({ desk }: { readonly desk: Desk }): Routes {
  return {
    'GET /campaigns/:id/signed': {
      roles: readers,
      summary: 'A campaign as its operator has signed it: who approves one reads these bytes',
      answer: 'cose',
      run: async ({ request, reply }) => {
        void reply.type(mediaTypes.cose);
        return Buffer.from((await desk.campaign(idOf(request))).signed);
      },
    },
    'GET /campaigns/:id/patched': {
      roles: readers,
      summary: 'How long the devices of a campaign were exposed, from what they have signed',
      answer: answers.Patched,
      run: async ({ request }) => {
        const { proof } = await desk.patched(idOf(request));
        return { ...proof, plot: patchPlot(proof) };
      },
    },
    'GET /campaigns/:id/patched.csv': {
      roles: readers,
      summary: 'The same, a line for each device',
      answer: 'text',
      run: async ({ request, reply }) => {
        void reply.type('text/csv; charset=utf-8');
        return patchCsv((await desk.patched(idOf(request))).devices);
      },
    },
    'POST /campaigns/dry-run': {
      roles: readers,
      summary: 'What a signed campaign would do, and whom it would not fit; nothing is started',
      body: 'signed',
      answer: answers.DryRun,
      run: async ({ request }) => desk.dryRun(signedBody(request)),
    },
  };
}
