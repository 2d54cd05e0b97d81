/** The most rows that one page has. */
export const PAGE_ROWS_MAX = 200;

/** A part of a list. `next` is the cursor that continues after it (the `after` of the next call), or null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: number | null;
}

/** Which part of a list: `limit` rows (1 to PAGE_ROWS_MAX) after the cursor, from the start where there is none. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: number | undefined;
}

/** How many rows to read: one more than the page, so that its end is known. @throws RangeError for a limit out of bounds. */
export function computeRowLimit({ limit }: Pick<PageRequest, "limit">): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_ROWS_MAX) return limit + 1;
  throw new RangeError(`A page has 1 to ${PAGE_ROWS_MAX} rows, not ${limit}; parse the limit before it comes here.`);
}

/** The page that `rows`, read with `rowsToRead`, hold. `seq` is what the list is ordered by. */
export function toPage<R extends { readonly seq: number }, T>(rows: readonly R[], { limit }: PageRequest, toItem: (row: R) => T): Page<T> {
  const shown = rows.slice(0, limit);
  return { items: shown.map(toItem), next: rows.length > limit ? (shown.at(-1)?.seq ?? null) : null };
}
