/**
 * The operators' API as an OpenAPI 3.1 document, made of the very table that is served: what the document
 * says is what requests are held against and answers are written by.
 */
import { STATUS_CODES } from 'node:http';
import { Type } from 'typebox';
import type { Route, Routes } from './route.ts';

const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'what was expected, and what was found' }),
    code: Type.String(),
  },
  { description: 'RFC 9457' },
);
const problem = {
  description: 'What is wrong with the request',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};
const signed = { 'application/cose': { schema: { type: 'string', format: 'binary' } } };

export function openApi(routes: Routes) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(routes)) {
    const [method = '', url = ''] = name.split(' ');
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[method.toLowerCase()] = operation(method, path, route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: "Lapel's status tracker, for operators",
      version: '1',
      description: 'Devices, campaigns and what became of them. Devices have a protocol of their own.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem },
    },
  };
}

function operation(
  method: string,
  path: string,
  { summary, roles, query, body, answer, status = 200 }: Route,
) {
  const words = path.split('/').flatMap((part) => /^\{?(\w+)\}?$/.exec(part)?.[1] ?? []);
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string', maxLength: 64 },
    })),
    ...queryParameters(query),
  ];
  return {
    operationId: [method.toLowerCase(), ...words].join('-'),
    summary,
    description: `For the roles ${roles.join(', ')}.`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      [status]: {
        description: STATUS_CODES[status] ?? 'Done',
        ...(answer === undefined ? {} : { content: contentOf(answer) }),
      },
      '4XX': problem,
    },
  };
}

function contentOf(body: NonNullable<Route['answer'] | Route['body']>) {
  if (body === 'cose' || body === 'signed') return signed;
  return body === 'text' ? { 'text/plain': {} } : { 'application/json': { schema: body } };
}

function queryParameters(query: Route['query']) {
  const { properties = {}, required = [] } = (query ?? {}) as {
    readonly properties?: Readonly<Record<string, object>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    // What has a default need not be said.
    required: required.includes(name) && !('default' in schema),
    schema,
  }));
}
