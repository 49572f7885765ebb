/**
 * The page: takes what a person gives, tries the envelope, and shows the verdict, the steps, the components
 * and what is inside. It asks for nothing from anywhere, and its own policy forbids it to.
 */

import { printable } from '@lapel/author';
import type { Outcome } from './attempt.ts';
import { GivenError, tryEnvelope } from './attempt.ts';
import type { GivenFile } from './given-files.ts';
import { keysIn, kindOf, textOf } from './given-files.ts';
import { byId, element } from './elements.ts';
import { componentsTable, stepLists, tree, verdictText } from './outcome-in-elements.ts';

/** What a page holds in memory. */
const fileBytesMax = 256 * 1024 * 1024;
const filesMax = 64;

const form = byId('given', HTMLFormElement);
const drop = byId('drop', HTMLElement);
const chooser = byId('files', HTMLInputElement);
const trust = byId('trust', HTMLTextAreaElement);
const device = byId('device', HTMLTextAreaElement);
const assume = byId('assume', HTMLInputElement);
const verdict = byId('verdict', HTMLElement);

/** By name: who gives a file again means the new one. */
const given = new Map<string, GivenFile>();

chooser.addEventListener('change', () => void take(chooser.files));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  attempt();
});
for (const name of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name === 'dragover');
    if (event instanceof DragEvent && name === 'drop') void take(event.dataTransfer?.files ?? null);
  });
}

async function take(files: FileList | null): Promise<void> {
  verdict.ariaBusy = 'true';
  try {
    await hold([...(files ?? [])]);
  } finally {
    verdict.ariaBusy = 'false';
  }
}

async function hold(files: readonly File[]): Promise<void> {
  for (const file of files) {
    if (file.size > fileBytesMax || given.size >= filesMax) {
      const most = `at most ${filesMax} files of ${fileBytesMax} bytes`;
      say('reject', `expected ${most}, found ${file.name} of ${file.size}`);
      return;
    }
    const held = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
    const text = textOf(held.bytes) ?? '';
    if (kindOf(held) === 'trust') trust.value = [trust.value.trim(), text.trim()].join('\n').trim();
    else if (kindOf(held) === 'device') device.value = text;
    else given.set(file.name, held);
  }
  chooser.value = '';
  showHeld();
  if (envelope() !== undefined) attempt();
}

/** The one that was given last. */
const envelope = (): GivenFile | undefined =>
  [...given.values()].findLast((each) => kindOf(each) === 'envelope');

function showHeld(): void {
  const items = [...given.values()].map((file) => {
    const away = element('button', { text: 'remove', label: `remove ${printable(file.name)}` });
    away.type = 'button';
    away.addEventListener('click', () => {
      given.delete(file.name);
      showHeld();
    });
    return element('li', {}, [
      element('span', { className: 'what', text: kindOf(file) }),
      element('span', { className: 'name', text: `${file.name}, ${file.bytes.length} bytes` }),
      away,
    ]);
  });
  byId('held', HTMLElement).replaceChildren(...items);
}

function attempt(): void {
  const tried = envelope();
  if (tried === undefined) return say('reject', 'expected an envelope, found none: give a file first');
  try {
    show(
      tryEnvelope({
        envelope: tried.bytes,
        trust: keysIn(trust.value),
        device: device.value,
        files: new Map([...given].map(([name, { bytes }]) => [name, bytes])),
        procedure: new FormData(form).get('procedure') === 'invocation' ? 'invocation' : 'update',
        assumesPayloads: assume.checked,
        now: Math.floor(Date.now() / 1000),
      }),
    );
  } catch (error) {
    if (!(error instanceof GivenError)) throw error;
    say('reject', `${whatText[error.what]}: ${error.message}`);
  }
}

const whatText = { envelope: 'The envelope', trust: 'A key', device: 'The device' } as const;

function say(state: Outcome['verdict'], text: string): void {
  verdict.className = `verdict ${state}`;
  verdict.textContent = printable(text);
  for (const id of ['story', 'inside']) byId(id, HTMLElement).hidden = true;
}

function show(outcome: Outcome): void {
  verdict.className = `verdict ${outcome.verdict}`;
  verdict.replaceChildren(...verdictText(outcome));
  byId('story', HTMLElement).hidden = outcome.stage !== 'run';
  byId('steps', HTMLElement).replaceChildren(...stepLists(outcome.steps));
  byId('components', HTMLElement).replaceChildren(componentsTable(outcome.components));
  byId('inside', HTMLElement).hidden = false;
  byId('inspection', HTMLElement).replaceChildren(tree(outcome.inspection));
}
