import assert from 'node:assert/strict';
import test from 'node:test';
import { createMemoryFleets, createSqliteFleets } from '../src/index.ts';
import { testTenants } from './tenants-suite.ts';

testTenants('memory', createMemoryFleets, { runs: 20 });
testTenants('SQLite', () => createSqliteFleets({ path: ':memory:' }), { runs: 40 });

test('a tenant is named in a way that is safe in a path', async () => {
  const fleets = createMemoryFleets();
  assert.equal(fleets.of('acme-1'), fleets.of('acme-1'));
  for (const name of ['', '-', 'A', 'a/b', '..', 'a'.repeat(64), "a'"])
    assert.throws(() => fleets.of(name), /expected a tenant of lower case, digits and hyphens/);
  await fleets.close();
});
