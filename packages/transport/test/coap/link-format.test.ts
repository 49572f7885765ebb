/** Links: what is written is read again, what is none is refused, and a query finds what it asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransportError, collect } from '@lapel/transport';
import type { Link } from '@lapel/transport/coap';
import { answerLinks, attributeOf, filterLinks, readLinks, writeLinks } from '@lapel/transport/coap';
import fc from 'fast-check';
import { text } from '../bodies.ts';

const found = (links: string, query: Record<string, string>) =>
  filterLinks(readLinks(links), new Map(Object.entries(query))).map(({ target }) => target);

const some =
  '</sensors>;ct=40;title="Sensor, \\"index\\"; all",</temp>;rt="temperature-c core.t";if="sensor",' +
  '<http://www.example.com/t123>;anchor="/temp";rel="describedby",</fw/v2.1>;rt=firmware;sz=262144;obs';

test('RFC 6690 §2: targets, values with and without quotes, flags', () => {
  const links = readLinks(some);
  assert.deepEqual(
    links.map(({ target }) => target),
    ['/sensors', '/temp', 'http://www.example.com/t123', '/fw/v2.1'],
  );
  assert.equal(attributeOf(links[0]!, 'title'), 'Sensor, "index"; all');
  assert.equal(attributeOf(links[3]!, 'obs'), '');
  assert.equal(attributeOf(links[3]!, 'ct'), undefined);
  assert.deepEqual(readLinks(writeLinks(links)), links);
  assert.deepEqual(readLinks(''), []);
});

test('RFC 6690 §4.1: a query asks for a value, one of several, a beginning, a target; all hold', () => {
  assert.deepEqual(found(some, {}).length, 4);
  assert.deepEqual(found(some, { rt: 'firmware' }), ['/fw/v2.1']);
  assert.deepEqual(found(some, { rt: 'core.t' }), ['/temp']);
  assert.deepEqual(found(some, { rt: 'core' }), []);
  assert.deepEqual(found(some, { rt: 'core*' }), ['/temp']);
  assert.deepEqual(found(some, { rt: '*' }), ['/temp', '/fw/v2.1']);
  assert.deepEqual(found(some, { href: '/s*' }), ['/sensors']);
  assert.deepEqual(found(some, { anchor: '/temp' }), ['http://www.example.com/t123']);
  assert.deepEqual(found(some, { rt: 'firmware', sz: '262144' }), ['/fw/v2.1']);
  assert.deepEqual(found(some, { rt: 'firmware', sz: '1' }), []);
});

test('S1-10: what links a server has is a resource, filtered by the query', async () => {
  const answer = answerLinks(readLinks(some), { query: new Map([['if', 'sensor']]) });
  assert.equal(answer.contentType, 'application/link-format');
  assert.equal(text(await collect(answer.body, 100)), '</temp>;rt="temperature-c core.t";if="sensor"');
});

test('RFC 6690 §2: what is no link is refused with its place', () => {
  for (const [wrong, why] of [
    ['/a', /expected a target between < and >, found '\/a' at character 0/],
    ['<a>,', /expected a target between < and >, found the end/],
    ['<a>;', /expected the name of an attribute, found the end/],
    ['<a>;rt=', /expected the value of an attribute, found the end/],
    ['<a>;rt="x', /expected the value of an attribute, found '"x'/],
    ['<a>x', /expected a comma between links, found 'x'/],
    ['<a b>', /expected a target/],
    ['<a\n>', /expected a target/],
    [Array.from({ length: 1025 }, () => '<a>').join(','), /at most 1024 links/],
    [`<a>${';x'.repeat(33)}`, /at most 32 attributes/],
    ['a'.repeat(65_537), /at most 65536 characters/],
  ] as const)
    assert.throws(
      () => readLinks(wrong),
      (error) => error instanceof TransportError && why.test(error.message),
    );
  assert.throws(() => writeLinks([{ target: 'a>;rt="x",<b', attributes: [] }]), TransportError);
});

const value = fc.option(fc.string({ unit: fc.constantFrom(...'aZ09 "\\;,=<>é'), maxLength: 8 }), {
  nil: undefined,
});
const link: fc.Arbitrary<Link> = fc.record(
  {
    target: fc.string({ unit: fc.constantFrom(...'a/:?&=;,"'), maxLength: 8 }),
    attributes: fc.array(fc.tuple(fc.constantFrom('rt', 'ct', 'title*', 'x-y'), value), { maxLength: 3 }),
  },
  { noNullPrototype: true },
);

test('RFC 6690 §2: links that were written are read as they were; any text is links or refused', () => {
  fc.assert(
    fc.property(fc.array(link, { maxLength: 5 }), (links) => {
      assert.deepEqual(readLinks(writeLinks(links)), links);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'<>a;,="\\ \n') }), (any) => {
      try {
        readLinks(any);
      } catch (error) {
        assert.ok(error instanceof TransportError);
      }
    }),
  );
});
