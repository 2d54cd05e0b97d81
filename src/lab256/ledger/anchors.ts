import { sql } from "kysely";
import type { Db } from "../database/database.js";
import type { ChainHead } from "./entry.js";

/** How a database compares with its anchors. `older`: it ends before entry `seq`, so it was restored from an earlier backup. */
export type AnchorVerdict =
  | { readonly ok: true; readonly anchored_seq: number }
  | { readonly ok: false; readonly seq: number; readonly code: "older" | "differs"; readonly text: string };

/** Finds the head to anchor next. Returns undefined if the newest anchor already names it or the chain is empty. */
export async function findUnanchoredHead(db: Db, container: string): Promise<ChainHead | undefined> {
  return db
    .selectFrom("ledger_heads as head")
    .select(["head.seq", "head.hash"])
    .where("head.container", "=", container)
    .where("head.seq", ">", 0)
    .where((row) =>
      row.not(
        row.exists(
          row
            .selectFrom("ledger_anchors as anchor")
            .select("anchor.seq")
            .whereRef("anchor.container", "=", "head.container")
            .whereRef("anchor.seq", "=", "head.seq"),
        ),
      ),
    )
    .executeTakeFirst();
}

/** Finds how long the oldest entry of any chain that no anchor covers has waited for one, in milliseconds; 0 if all are covered. */
export async function measureAnchorAge(db: Db, nowMs: number): Promise<number> {
  const { rows } = await sql<{ at_ms: number | null }>`
    select min(entry.at_ms) as at_ms from ledger_heads head
    cross join lateral (select coalesce(max(anchor.seq), 0) as seq from ledger_anchors anchor where anchor.container = head.container) last
    join ledger_entries entry on entry.container = head.container and entry.seq = last.seq + 1`.execute(db);
  const oldest = rows[0]?.at_ms ?? null;
  return oldest === null ? 0 : Math.max(0, nowMs - Number(oldest));
}

/**
 * Records that the head's signed copy has been in the object store since `anchoredAt` (milliseconds since 1970). Repeating it changes
 * nothing.
 */
export async function recordAnchor(db: Db, container: string, head: ChainHead, anchoredAt: number): Promise<void> {
  await db
    .insertInto("ledger_anchors")
    .values({ container, seq: head.seq, hash: head.hash, anchored_at: anchoredAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Reads the hashes of a chain's entries at `seqs`. Omits entries that do not exist. */
export async function readEntryHashes(db: Db, container: string, seqs: readonly number[]): Promise<ReadonlyMap<number, string>> {
  if (seqs.length === 0) return new Map();
  const rows = await db
    .selectFrom("ledger_entries")
    .select(["seq", "hash"])
    .where("container", "=", container)
    .where("seq", "in", seqs)
    .execute();
  return new Map(rows.map(({ seq, hash }) => [seq, hash]));
}

/**
 * Compares a chain with its anchors, whose signatures the caller has verified: every anchored entry must exist and have the anchored
 * hash. Returns the lowest anchor that does not match. Pure. Source: contracts "Events and projections".
 */
export function verifyAnchors(hashes: ReadonlyMap<number, string>, anchors: readonly ChainHead[]): AnchorVerdict {
  const ordered = [...anchors].sort((a, b) => a.seq - b.seq);
  for (const { seq, hash } of ordered) {
    const found = hashes.get(seq);
    if (found === undefined)
      return {
        ok: false,
        seq,
        code: "older",
        text: `The database is older than the anchor at entry ${seq}: restore a newer backup before anything is written.`,
      };
    if (found !== hash)
      return {
        ok: false,
        seq,
        code: "differs",
        text: `Entry ${seq} is not the one that was anchored: this history differs from the one that was signed.`,
      };
  }
  return { ok: true, anchored_seq: ordered.at(-1)?.seq ?? 0 };
}
