/** Which word somebody probably meant: a misspelt key is answered with the nearest known one. */

/** The known word nearest to `word`, or undefined where none is near enough to be meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const each of known) {
    const distance = editDistance(plain(word), plain(each));
    if (distance <= Math.max(1, Math.floor(each.length / 3)) && distance < (best?.distance ?? Infinity)) {
      best = { word: each, distance };
    }
  }
  return best?.word;
}

/** `reference-uri`, `reference_uri` and `referenceUri` are the same word to whoever types them. */
const plain = (word: string) => word.slice(0, wordLengthMax).replaceAll(/[-_ ]/g, '').toLowerCase();
const wordLengthMax = 64;

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
