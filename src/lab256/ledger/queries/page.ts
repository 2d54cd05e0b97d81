import type { FlowStatus } from "../../../domain/card/flow-status.js";

/** The maximum number of rows in a page. */
export const PAGE_ROWS_MAX = 200;

/** A part of a list. `next` is the cursor that continues it (the `after` of the next call), or null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: number | null;
}

/** Selects a part of a list: `limit` rows (1 to PAGE_ROWS_MAX) after the cursor, or from the start without one. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: number | undefined;
}

/** Selects a part of a tenant's cards or commands. */
export interface ActsQuery extends PageRequest {
  readonly tenant_id: string;
  readonly status?: FlowStatus | undefined;
  readonly project_id?: string | undefined;
}

/**
 * Computes how many rows to read: one more than the page, which tells whether the list continues.
 *
 * @throws RangeError if the limit is out of bounds.
 */
export function computeRowLimit({ limit }: Pick<PageRequest, "limit">): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_ROWS_MAX) return limit + 1;
  throw new RangeError(`A page has 1 to ${PAGE_ROWS_MAX} rows, not ${limit}; parse the limit before it comes here.`);
}

/** Builds the page from `rows`, read with `computeRowLimit`. The list is ordered by `seq`. */
export function toPage<R extends { readonly seq: number }, T>(rows: readonly R[], { limit }: PageRequest, toItem: (row: R) => T): Page<T> {
  const shown = rows.slice(0, limit);
  return { items: shown.map(toItem), next: rows.length > limit ? (shown.at(-1)?.seq ?? null) : null };
}
