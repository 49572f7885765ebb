/** Elements of a page, made from text alone: nothing foreign is ever read as markup. */

import { printable } from '@lapel/author';

interface Looks {
  readonly className?: string;
  readonly text?: string;
  /** What a screen reader says of it. */
  readonly label?: string;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  { className, text, label }: Looks = {},
  children: readonly Node[] = [],
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = printable(text);
  if (label !== undefined) made.setAttribute('aria-label', label);
  made.append(...children);
  return made;
}

/** @throws {Error} where the page has none of that kind. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`expected #${id} in the page, found ${found?.tagName ?? 'none'}`);
}
