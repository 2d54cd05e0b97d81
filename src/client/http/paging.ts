import type { z } from "zod";
import { askWithLink, type Connection, type RegistryRequest } from "./http.js";
import { requireValue } from "./problem.js";

/** The api's limit for one page. */
const PAGE_MAX = 200;

/** The part of a list to read: at most `limit` items after the cursor `after`; all by default. */
export interface Span {
  readonly limit?: number;
  readonly after?: string | undefined;
}

/**
 * A list of the registry. It can be read only through all of its pages, so no reader mistakes the first page for the list. The pages are
 * fetched when they are needed.
 */
export class Listing<T> implements AsyncIterable<T> {
  constructor(
    private readonly connection: Connection,
    private readonly path: string,
    private readonly query: RegistryRequest["query"],
    private readonly schema: z.ZodType<T[]>,
  ) {}

  /** Yields the items in the list's order. @throws Refused */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const page of this.readPages()) yield* page;
  }

  /** Reads the items of a span. @throws Refused */
  async read(span: Span = {}): Promise<T[]> {
    const found: T[] = [];
    for await (const page of this.readPages(span)) found.push(...page);
    return found;
  }

  /** Yields the items of a span page by page, in constant memory. @throws Refused */
  async *readPages({ limit = Number.POSITIVE_INFINITY, after }: Span = {}): AsyncGenerator<readonly T[]> {
    let [cursor, left] = [after, limit];
    do {
      const query = { ...this.query, limit: Math.min(PAGE_MAX, left), after: cursor };
      const { answer, link } = await askWithLink(this.connection, { method: "GET", path: this.path, query }, this.schema);
      const items = requireValue(answer);
      yield items;
      left -= items.length;
      cursor = link === undefined ? undefined : parseNextCursor(link);
    } while (cursor !== undefined && left > 0);
  }
}

/** Returns the `after` of the link with rel="next" (RFC 8288). */
function parseNextCursor(link: string): string | undefined {
  const address = /<([^>]+)>;\s*rel="next"/.exec(link)?.[1];
  return address === undefined ? undefined : (new URL(address, "http://registry").searchParams.get("after") ?? undefined);
}
