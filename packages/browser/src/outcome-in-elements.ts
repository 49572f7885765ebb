/** What became of an attempt, as elements of a page. */

import type { Part } from '@lapel/author';
import type { ComponentInWords, HeldInWords, StepInWords } from '@lapel/author/simulate';
import type { Outcome } from './attempt.ts';
import { element } from './elements.ts';

export function verdictText(outcome: Outcome): readonly Node[] {
  const { verdict, stage, reason, detail, manifest, sequence, assumed } = outcome;
  const condition = assumed.length === 0 ? '' : ', if the payloads are the right ones';
  const head = verdict === 'accept' ? `accept${condition}` : `reject at ${stage}, ${reason}`;
  const lines = [
    ...(detail === '' ? [] : [detail]),
    ...(manifest === undefined
      ? []
      : [`Authentic: sequence ${sequence ?? ''}, manifest sha-256 ${manifest}`]),
    ...assumed.map((uri) => `Taken for the right one, without having it: ${uri}`),
  ];
  return [element('strong', { text: head }), ...lines.map((text) => element('p', { text }))];
}

/** One list for each section of the manifest, numbered on. */
export function stepLists(steps: readonly StepInWords[]): readonly Node[] {
  if (steps.length === 0) return [element('p', { text: 'It asks nothing of the device.' })];
  const nodes: Node[] = [];
  let section: string | undefined;
  let list: HTMLOListElement | undefined;
  for (const step of steps) {
    if (list === undefined || (step.section !== undefined && step.section !== section)) {
      section = step.section;
      if (section !== undefined) nodes.push(element('h4', { text: section }));
      list = element('ol');
      list.start = step.step;
      nodes.push(list);
    }
    // Not by its colour alone.
    list.append(
      step.ok
        ? element('li', { text: step.says })
        : element('li', { className: 'failed', text: `✗ ${step.says}` }),
    );
  }
  return nodes;
}

export function componentsTable(components: readonly ComponentInWords[]): Node {
  const header = (text: string, scope: 'col' | 'row') => {
    const cell = element('th', { text });
    cell.scope = scope;
    return cell;
  };
  const head = element('tr', {}, [
    header('component', 'col'),
    header('before', 'col'),
    header('after', 'col'),
  ]);
  const rows = components.map(({ component, before, after, changed }) =>
    element('tr', {}, [
      header(component, 'row'),
      element('td', { text: heldText(before) }),
      element('td', { text: changed ? heldText(after) : 'unchanged' }),
    ]),
  );
  return element('table', {}, [element('thead', {}, [head]), element('tbody', {}, rows)]);
}

function heldText({ bytes, digest }: HeldInWords): string {
  if (bytes === 0) return 'empty';
  return `${bytes === undefined ? 'an image' : `${bytes} bytes`}, sha-256 ${digest ?? ''}`;
}

/** A page with more elements than that is of use to nobody. */
const partsMax = 5000;
const valueShownMax = 400;

export function tree(root: Part): Node {
  let left = partsMax;
  const item = (part: Part): Node => {
    left--;
    const line = lineOf(part);
    const { error, parts = [] } = part;
    const inner: Node[] = [];
    for (const each of parts) {
      if (left > 0) inner.push(item(each));
    }
    if (left <= 0 && inner.length < parts.length) inner.push(element('li', { text: 'and more' }));
    if (error !== undefined) inner.push(element('li', { className: 'mistake', text: `error: ${error}` }));
    if (inner.length === 0) return element('li', {}, line);
    const details = element('details', {}, [element('summary', {}, line), element('ul', {}, inner)]);
    details.open = true;
    return element('li', {}, [details]);
  };
  return element('div', { className: 'tree' }, [element('ul', {}, [item(root)])]);
}

function lineOf({ name, number, value }: Part): readonly Node[] {
  const shown =
    value !== undefined && value.length > valueShownMax
      ? `${value.slice(0, valueShownMax)}… (${value.length} characters)`
      : value;
  return [
    element('span', { className: 'name', text: name }),
    ...(number === undefined ? [] : [element('span', { className: 'number', text: ` (${number})` })]),
    ...(shown === undefined ? [] : [element('span', { text: `  ${shown}` })]),
  ];
}
