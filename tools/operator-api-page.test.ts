import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { read } from './house.ts';
import { apiPath, operatorApiPage } from './operator-api-page.ts';

test('docs/operator-api.json is what a tracker says of its API', async () => {
  assert.ok(
    (await operatorApiPage()) === read(apiPath),
    `expected ${apiPath} to be new: 'npm run format' writes it`,
  );
});

test('docs/operator-api.json holds against the schema of OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(read(apiPath));
  assert.ok(valid, JSON.stringify(errors));
});
