import { type Answer, requireValue } from "./problem.js";
import type { ListQuery } from "./registry-client.js";

/** The api's limit for one page. */
const PAGE_MAX = 200;

/** Reads the first `limit` items after the cursor `after`, page by page. @throws Refused */
export async function listItems<T>(fetchPage: (query: ListQuery) => Promise<Answer<T[]>>, limit: number, after?: string): Promise<T[]> {
  const found: T[] = [];
  for (let cursor = after; found.length < limit; ) {
    const asked = { limit: Math.min(PAGE_MAX, limit - found.length), ...(cursor === undefined ? {} : { after: cursor }) };
    const { items, next } = await readPage(fetchPage, asked);
    found.push(...items);
    if (next === undefined) break;
    cursor = next;
  }
  return found;
}

/** Yields every page after the cursor `after`, in constant memory. @throws Refused */
export async function* readPages<T>(fetchPage: (query: ListQuery) => Promise<Answer<T[]>>, after?: string): AsyncGenerator<T[]> {
  for (let cursor = after; ; ) {
    const { items, next } = await readPage(fetchPage, { limit: PAGE_MAX, ...(cursor === undefined ? {} : { after: cursor }) });
    yield items;
    if (next === undefined) return;
    cursor = next;
  }
}

async function readPage<T>(
  fetchPage: (query: ListQuery) => Promise<Answer<T[]>>,
  query: ListQuery,
): Promise<{ items: T[]; next?: string }> {
  const answer = await fetchPage(query);
  const items = requireValue(answer);
  return { items, ...(answer.ok && answer.next !== undefined ? { next: answer.next } : {}) };
}
