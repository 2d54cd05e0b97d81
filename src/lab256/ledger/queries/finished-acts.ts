import { sql } from "kysely";
import type { JobType } from "../../../domain/act/job.js";
import { type EventPayloads, toRegistryContainer } from "../../../domain/ledger/event.js";
import type { Permit } from "../../../domain/permit/permit.js";
import type { Receipt } from "../../../domain/permit/receipt.js";
import type { Db } from "../../database/database.js";
import { readChainHead } from "../chain.js";

/** A finished act, from the ledger entry that finished it. */
export interface FinishedAct {
  readonly seq: number;
  readonly at_ms: number;
  readonly jti: string;
  readonly project_id: string;
  readonly job_type: JobType;
  readonly card_id: string | null;
  readonly scopes: Permit["scopes"];
  readonly end:
    | { readonly kind: "receipt"; readonly receipt: Receipt }
    | { readonly kind: "closed"; readonly closed: EventPayloads["command.closed"] };
}

/** The types of the entries that finish an act. */
const ENDINGS = ["receipt.recorded", "command.closed"] as const;

/**
 * Reads the acts that finished after an entry of the tenant's ledger, in order, from at most `limit` entries. Up to `seenSeq` there are
 * no others; `more` tells whether there are some after it. Skips an entry without a known permit or command, because no act of the ledger
 * belongs to it.
 */
export async function readFinishedActs(
  db: Db,
  { tenant_id, afterSeq, limit }: { readonly tenant_id: string; readonly afterSeq: number; readonly limit: number },
): Promise<{ readonly acts: readonly FinishedAct[]; readonly seenSeq: number; readonly more: boolean }> {
  const container = toRegistryContainer(tenant_id);
  // Read the head first, so that entries appended meanwhile are left to the next search.
  const head = await readChainHead(db, container);
  const entries = await db
    .selectFrom("ledger_entries")
    .select(["seq", "type", "at_ms", sql<string>`payload::text`.as("payloadText")])
    .where("container", "=", container)
    .where("seq", ">", afterSeq)
    .where("seq", "<=", head.seq)
    .where("type", "in", ENDINGS)
    .orderBy("seq")
    .limit(limit)
    .execute();
  const ends = entries.map((entry) => ({ ...entry, end: toActEnd(entry.type, JSON.parse(entry.payloadText)) }));
  const known = await readKnownActs(
    db,
    tenant_id,
    ends.map(({ end }) => toEndJti(end)),
  );
  const acts = ends.flatMap(({ seq, at_ms, end }): FinishedAct[] => {
    const jti = toEndJti(end);
    const { permit, command } = known.get(jti) ?? {};
    const project_id = end.kind === "receipt" ? end.receipt.project_id : command;
    if (permit === undefined || project_id === undefined) return [];
    const { scopes } = permit.permit;
    return [{ seq, at_ms, jti, project_id, job_type: scopes.jobType, card_id: permit.card_id, scopes, end }];
  });
  const last = entries.length < limit ? undefined : entries.at(-1);
  return { acts, seenSeq: last?.seq ?? head.seq, more: last !== undefined };
}

type End = FinishedAct["end"];

function toActEnd(type: string, payload: unknown): End {
  if (type === "receipt.recorded") return { kind: "receipt", receipt: (payload as EventPayloads["receipt.recorded"]).receipt };
  return { kind: "closed", closed: payload as EventPayloads["command.closed"] };
}

function toEndJti(end: End): string {
  return end.kind === "receipt" ? end.receipt.jti : end.closed.jti;
}

interface KnownAct {
  readonly permit?: { readonly permit: Permit; readonly card_id: string | null };
  /** The project of its command. */
  readonly command?: string;
}

async function readKnownActs(db: Db, tenantId: string, jtis: readonly string[]): Promise<ReadonlyMap<string, KnownAct>> {
  if (jtis.length === 0) return new Map();
  const wantedJtis = [...new Set(jtis)];
  const [permits, commands] = await Promise.all([
    db
      .selectFrom("permits")
      .select(["jti", "permit", "card_id"])
      .where("tenant_id", "=", tenantId)
      .where("jti", "in", wantedJtis)
      .execute(),
    db.selectFrom("commands").select(["jti", "project_id"]).where("tenant_id", "=", tenantId).where("jti", "in", wantedJtis).execute(),
  ]);
  const known = new Map<string, KnownAct>(permits.map(({ jti, ...permit }) => [jti, { permit }]));
  for (const { jti, project_id } of commands) known.set(jti, { ...known.get(jti), command: project_id });
  return known;
}
