import { z } from "zod";
import { parseJson } from "../../domain/json.js";
import type { LedgerEntry } from "../../domain/ledger/event.js";

/** The Postgres channel that announces every append. */
export const LEDGER_CHANNEL = "ogr_ledger";

const noticeSchema = z.object({
  tenant_id: z.string(),
  types: z.array(z.string()),
  card_id: z.string().optional(),
  jti: z.string().optional(),
});

/** Announces that a tenant's ledger has grown, with enough detail to decide whether to read it. Not a source of facts. */
export type LedgerNotice = z.infer<typeof noticeSchema>;

/** Builds one notice for each card or act among `entries`, or a single one without a subject. */
export function buildNotices(tenantId: string, entries: readonly LedgerEntry[]): LedgerNotice[] {
  const types = [...new Set(entries.map((entry) => entry.type))];
  const subjects = new Map<string, { card_id?: string; jti?: string }>();
  for (const entry of entries) {
    const subject = toNoticeSubject(entry);
    if (subject.card_id !== undefined || subject.jti !== undefined) subjects.set(JSON.stringify(subject), subject);
  }
  const all = subjects.size === 0 ? [{}] : [...subjects.values()];
  return all.map((subject) => ({ tenant_id: tenantId, types, ...subject }));
}

/** Parses a notice. Returns undefined if it is malformed, because every client of the database can write to the channel. */
export function parseNotice(payload: string): LedgerNotice | undefined {
  return noticeSchema.safeParse(parseJson(payload)).data;
}

function toNoticeSubject(entry: LedgerEntry): { card_id?: string; jti?: string } {
  switch (entry.type) {
    case "project.registered":
    case "project.repo.bound":
    case "project.activity":
    case "project.release.tagged":
    case "charter.founded":
    case "policy.published":
    case "keys.rotated":
    case "member.changed":
    case "webhook.changed":
    case "charter.sealed":
    case "tenant.founded":
    case "charter.act_ended":
    case "recovery.announced":
    case "webhook.secret_renewed":
      return {};
    case "card.opened":
      return { card_id: entry.payload.card.card_id };
    case "card.planned":
    case "card.approvals_voided":
    case "card.approved":
    case "card.rejected":
    case "card.withdrawn":
    case "card.attested":
    case "card.closed":
      return { card_id: entry.payload.card_id };
    case "permit.issued":
      return toActSubject(entry.payload.card_id, entry.payload.permit.jti);
    case "permit.revoked":
    case "permit.expired":
    case "permit.refused":
      return toActSubject(entry.payload.card_id, entry.payload.jti);
    case "command.issued":
      return toActSubject(entry.payload.card_id, entry.payload.envelope.jti);
    case "command.closed":
      return { jti: entry.payload.jti };
    case "receipt.recorded":
      return toActSubject(entry.payload.card_id, entry.payload.receipt.jti);
    case "receipt.refused":
      return toActSubject(entry.payload.card_id, entry.payload.refusal.jti);
  }
}

function toActSubject(cardId: string | null, jti: string): { card_id?: string; jti: string } {
  return cardId === null ? { jti } : { card_id: cardId, jti };
}
