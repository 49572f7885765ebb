/**
 * `docs/conformance.md`: which test proves which requirement or section. It is read from the names of the
 * tests, without running them; `npm run format` writes it, and a test says when it is stale.
 */
import { files, read } from './house.ts';
import { isNode, parse, walk, type Node } from './tidy/source.ts';

export const pagePath = 'docs/conformance.md';

/** What stands above it is written by hand and kept. */
const marker = '<!-- From here on written by `npm run format`. -->';

/** What a name cites and where it stands. */
interface Citation {
  readonly group: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** Whose sections are meant in these rooms where no document is named; elsewhere it is the design's. */
const manifestRooms = ['author', 'cose', 'suit'];
const manifest = 'draft-ietf-suit-manifest-37';
const design = 'The design';

const documents: Readonly<Record<string, string>> = {
  design,
  'firmware-encryption': 'draft-ietf-suit-firmware-encryption-24',
  'suit-mti': 'draft-ietf-suit-mti-23',
  'suit-mud': 'draft-ietf-suit-mud-09',
  mud: 'draft-ietf-suit-mud-09',
  'suit-report': 'draft-ietf-suit-report-19',
  'trust-domains': 'draft-ietf-suit-trust-domains-12',
  'update-management': 'draft-ietf-suit-update-management-14',
};

const requirementTitles: Readonly<Record<string, string>> = {
  S0: 'Requirements S0: the charter of the working group',
  S1: 'Requirements S1: what a secure firmware upgrade needs',
  S2: 'Requirements S2: X.secup-iot',
  S3: 'Requirements S3: draft-zhu-suit-automatic-fu-arch',
  S4: 'Requirements S4: the architecture, RFC 9019',
  X: 'Requirements X: RFC 9124, and what manifest-37 demands',
};

/** The page as it should be: its own head, and the tables of today. */
export function conformancePage(): string {
  const head = read(pagePath).split(marker)[0] ?? '';
  const citations = files('packages/*/test/**/*.ts').flatMap((path) => citationsIn(path, read(path)));
  const groups = Map.groupBy(citations, ({ group }) => group);
  const titles = [...groups.keys()].toSorted(byRank);
  const tables = titles.map((title) => `## ${title}\n\n${table(groups.get(title) ?? [])}`);
  return `${[head + marker, ...tables].join('\n\n')}\n`;
}

/** Every requirement and section that the names of a file's tests cite. */
export function citationsIn(path: string, text: string): readonly Citation[] {
  const room = path.split('/')[1] ?? '';
  return [...walk(parse(path, text).program)].flatMap((node) => {
    const name = testName(node);
    return name === undefined ? [] : citedIn(name, room).map((cited) => ({ ...cited, name, path }));
  });
}

function testName(node: Node): string | undefined {
  if (node.type !== 'CallExpression' || !isNode(node.callee) || node.callee['name'] !== 'test')
    return undefined;
  const [first] = node.arguments as readonly unknown[];
  if (!isNode(first)) return undefined;
  if (typeof first.value === 'string') return first.value;
  if (first.type !== 'TemplateLiteral') return undefined;
  const parts = first.quasis as readonly { readonly value: { readonly cooked: string } }[];
  // What a template fills in is known when it runs.
  return parts.map(({ value }) => value.cooked).join('…');
}

/** A name begins with what it cites, up to a colon: `S4-37, RFC 8554 §6, §8.3: …`. */
function citedIn(name: string, room: string): readonly Pick<Citation, 'group' | 'id'>[] {
  const colon = name.indexOf(': ');
  const own = manifestRooms.includes(room) ? manifest : design;
  return (colon < 0 ? '' : name.slice(0, colon)).split(/, | and /).flatMap((part) => {
    const requirement = /^(S\d|X)-(\d+|[A-Z])(?: … \1-(\d+))?$/.exec(part);
    if (requirement !== null) return requirements(requirement);
    const [, document = '', section = ''] = /^(.*?) ?((?:§|App).+)?$/.exec(part) ?? [];
    if (/^RFC \d+$/.test(document)) return [{ group: document, id: section === '' ? 'whole' : section }];
    if (section === '') return [];
    const group = document === '' ? own : documents[document];
    return group === undefined ? [] : [{ group, id: section }];
  });
}

/** One, or all from one to another: `S4-72 … S4-75`. */
function requirements([, prefix = '', first = '', last = first]: readonly string[]) {
  const group = requirementTitles[prefix] ?? 'Requirements';
  if (/[A-Z]/.test(first)) return [{ group, id: `${prefix}-${first}` }];
  const ids: { readonly group: string; readonly id: string }[] = [];
  for (let number = Number(first); number <= Math.min(Number(last), 999); number++) {
    ids.push({ group, id: `${prefix}-${String(number).padStart(2, '0')}` });
  }
  return ids;
}

/** A row for each id, a line for each test, and the file after its tests. */
function table(citations: readonly Citation[]): string {
  const rows = [...Map.groupBy(citations, ({ id }) => id)].toSorted(([a], [b]) => naturally(a, b));
  const lines = rows.map(([id, cited]) => {
    const byFile = [...Map.groupBy(cited, ({ path }) => path)];
    const places = byFile.map(([path, tests]) => {
      const names = [...new Set(tests.map(({ name }) => name))].map(escaped);
      return `${names.join('<br>')} — [${path.replace('packages/', '')}](../${path})`;
    });
    return `| ${id} | ${places.join('<br>')} |`;
  });
  return ['| | Tests |', '| --- | --- |', ...lines].join('\n');
}

const escaped = (text: string): string => text.replace(/[|<>*_`\\]/g, '\\$&').replaceAll('\n', ' ');

/** Requirements, then the drafts, then RFCs, then our own design. */
function byRank(a: string, b: string): number {
  const rank = (title: string) =>
    ['Requirements', 'draft', 'RFC', ''].findIndex((each) => title.startsWith(each));
  return rank(a) - rank(b) || naturally(a, b);
}

/** Numbers by value: §8.4 before §8.10, on every machine alike. */
function naturally(a: string, b: string): number {
  const padded = (text: string) => text.replace(/\d+/g, (digits) => digits.padStart(6, '0'));
  const [one, other] = [padded(a), padded(b)];
  return one < other ? -1 : Number(one > other);
}
