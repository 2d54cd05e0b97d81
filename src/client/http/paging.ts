import { type Answer, requireValue } from "./problem.js";
import type { ListQuery } from "./registry-client.js";

/** The api's limit for one page. */
const PAGE_MAX = 200;

type FetchPage<T> = (query: ListQuery) => Promise<Answer<T[]>>;

/** Reads the first `limit` items after the cursor `after`, page by page. @throws Refused */
export async function listItems<T>(fetchPage: FetchPage<T>, limit: number, after?: string): Promise<T[]> {
  const found: T[] = [];
  for await (const page of readPages(fetchPage, after, limit)) found.push(...page);
  return found;
}

/** Yields every page after the cursor `after`, up to `limit` items, in constant memory. @throws Refused */
export async function* readPages<T>(fetchPage: FetchPage<T>, after?: string, limit = Number.POSITIVE_INFINITY): AsyncGenerator<T[]> {
  let [cursor, left] = [after, limit];
  do {
    const answer = await fetchPage({ limit: Math.min(PAGE_MAX, left), after: cursor });
    const items = requireValue(answer);
    yield items;
    left -= items.length;
    cursor = answer.ok ? answer.next : undefined;
  } while (cursor !== undefined && left > 0);
}
