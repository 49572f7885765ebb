/** What operators ask of campaigns, and the signed objects by which they decide. */
import { hex } from '@lapel/cbor';
import type { CampaignView } from '../campaign.ts';
import type { Desk } from '../desk.ts';
import type { FleetStore } from '../store.ts';
import * as answers from './answers.ts';
import { campaignJson, memberJson } from './as-json.ts';
import type { MembersQuery } from './questions.ts';
import * as questions from './questions.ts';
import type { Routes } from './route.ts';
import { deciders, idOf, nextOf, readers, signedBody } from './route.ts';

const campaignsMax = 100;

export function campaignRoutes({ store, desk }: { readonly store: FleetStore; readonly desk: Desk }): Routes {
  const json = async (view: CampaignView) => campaignJson(view, await store.totals(view.id));
  return {
    'GET /campaigns': {
      roles: readers,
      summary: 'The newest campaigns',
      answer: answers.Campaigns,
      run: async () => Promise.all((await store.campaigns(campaignsMax)).map(json)),
    },
    'GET /campaigns/:id': {
      roles: readers,
      summary: 'One campaign and how far it is',
      answer: answers.Campaign,
      run: async ({ request }) => {
        const view = await desk.campaign(idOf(request));
        return { ...(await json(view)), signed: hex(view.signed) };
      },
    },
    'GET /campaigns/:id/members': {
      roles: readers,
      summary: 'Where each device stands in a campaign, a page at a time',
      query: questions.MembersQuery,
      answer: answers.Members,
      run: async ({ request }) => {
        const { status, ...page } = request.query as MembersQuery;
        const members = await store.members((await desk.campaign(idOf(request))).id, status, page);
        const next = nextOf(page, members.at(-1)?.device, members.length);
        return { members: members.map(memberJson), next };
      },
    },
    'GET /campaigns/:id/plan': {
      roles: readers,
      summary: 'What the next round would do',
      answer: answers.Plan,
      run: async ({ request }) => desk.preview(idOf(request)),
    },
    'POST /campaigns/:id/approvals': {
      roles: deciders,
      summary: 'Counts the consent of another operator, who has signed it',
      body: 'signed',
      answer: answers.Campaign,
      run: async ({ request, actor }) => json(await desk.consent(idOf(request), signedBody(request), actor)),
    },
    'POST /campaigns': {
      roles: deciders,
      summary: 'Starts a campaign that an operator has signed',
      body: 'signed',
      answer: answers.Campaign,
      status: 201,
      run: async ({ request, actor }) => json(await desk.start(signedBody(request), actor)),
    },
    'POST /campaigns/:id/orders': {
      roles: deciders,
      summary: 'Pauses, resumes, retries or aborts a campaign by an order that an operator has signed',
      body: 'signed',
      answer: answers.Campaign,
      run: async ({ request, actor }) => json(await desk.order(idOf(request), signedBody(request), actor)),
    },
  };
}
