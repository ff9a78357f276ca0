/**
 * What a misspelt word may have meant. Unaware of what the words are.
 *
 * @module
 */

/** `. Did you mean "..."?` to be put behind a message, or nothing where no word is near. */
export function didYouMean(word: string, words: readonly string[]): string {
  const similar = closest(word, words);
  return similar === undefined ? "" : `. Did you mean "${similar}"?`;
}

/** The word nearest to the given one, if any is near: up to two in five characters differ. */
export function closest(word: string, words: readonly string[]): string | undefined {
  let best: { readonly other: string; readonly edits: number } | undefined;
  for (const other of words) {
    const edits = distance(word.toLowerCase(), other.toLowerCase());
    const most = Math.max(word.length, other.length) * 0.4;
    if (edits <= most && (best === undefined || edits < best.edits)) best = { other, edits };
  }
  return best?.other;
}

/** How many characters must be put in, left out, replaced, or swapped with the next. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      }
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
