/** A name counts as misspelt if at most this share of its letters differs. */
const SLIP_SHARE = 0.34;

/** The known name that was probably intended, or undefined if none is near. */
export function findNearestName(name: string, known: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const one of known) {
    const edits = countEdits(name.toUpperCase(), one);
    if (best === undefined || edits < best.edits) best = { name: one, edits };
  }
  return best !== undefined && best.edits <= Math.ceil(name.length * SLIP_SHARE) ? best.name : undefined;
}

/** The number of letters to insert, remove or replace (Levenshtein). */
function countEdits(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (const [i, letter] of [...a].entries()) {
    const row = [i + 1];
    for (const [j, other] of [...b].entries())
      row.push(Math.min((previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1, (previous[j] ?? 0) + (letter === other ? 0 : 1)));
    previous = row;
  }
  return previous[b.length] ?? 0;
}
