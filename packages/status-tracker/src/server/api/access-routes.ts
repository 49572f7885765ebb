/** Who may do what, and who did what. */
import { hex } from '@lapel/cbor';
import type { Access } from '../access.ts';
import type { FleetStore } from '../store.ts';
import * as answers from './answers.ts';
import * as questions from './questions.ts';
import type { Routes } from './route.ts';
import { approvers, granters, idOf } from './route.ts';

const auditMax = 1_000;

export const accessRoutes = (of: { readonly store: FleetStore; readonly access: Access }): Routes => ({
  'GET /audit': {
    roles: approvers,
    summary: 'What was done, by whom, newest first',
    answer: answers.Audit,
    run: async () => of.store.audit(auditMax),
  },
  'GET /audit/chain': {
    roles: approvers,
    summary: 'What operators did, oldest first; the hash of each covers the one before it',
    query: questions.LogQuery,
    answer: answers.AuditChain,
    run: async ({ request }) => {
      const { from, limit } = request.query as questions.LogQuery;
      const links = await of.store.auditChain(from, limit);
      return { entries: links.map((link) => ({ ...link, hash: hex(link.hash) })) };
    },
  },
  'POST /tokens': {
    roles: granters,
    summary: 'Grants roles to the bearer of a new token',
    body: questions.TokenBody,
    answer: answers.Granted,
    status: 201,
    run: async ({ request, actor }) => {
      const { name, roles } = request.body as questions.TokenBody;
      return { name, roles, token: await of.access.grant(name, roles, actor) };
    },
  },
  'DELETE /tokens/:id': {
    roles: granters,
    summary: 'Revokes the token of that name',
    status: 204,
    run: async ({ request, actor }) => of.access.revoke(idOf(request), actor),
  },
});
