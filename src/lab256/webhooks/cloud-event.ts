import { Webhook as StandardWebhook } from "standardwebhooks";
import { toCanonicalText } from "../../domain/bytes/canonical.js";
import type { LedgerEntry } from "../../domain/ledger/event.js";

/** The body of a delivery and the headers that authenticate it. */
export interface SignedEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Returns whether an entry says that its act breaks the glass: the opening of the card, the receipt, and what the act did to the catalog. */
function isOfBreakGlass({ payload }: LedgerEntry): boolean {
  const says = "card" in payload ? payload.card : "receipt" in payload ? payload.receipt : payload;
  return "break_glass" in says && says.break_glass !== undefined;
}

/**
 * Builds a ledger entry's CloudEvent in structured mode, signed for its receiver. `id` is the entry's `seq`, so every delivery of an
 * event has the same id. `ledgerhash` is the entry's own hash, and `breakglass` marks the news of an emergency. Source: CloudEvents 1.0.2, Standard Webhooks 1.0.
 */
export function signEvent(
  entry: LedgerEntry,
  receiver: { readonly webhook_id: string; readonly secret: string },
  atMs: number,
): SignedEvent {
  const { tenant_id, seq, type, key, at_ms, payload, hash } = entry;
  const body = toCanonicalText({
    specversion: "1.0",
    id: String(seq),
    source: `/tenants/${tenant_id}/ledger`,
    type: `vnd.ubl.${type}.v1`,
    subject: key,
    time: new Date(at_ms).toISOString(),
    datacontenttype: "application/json",
    ledgerseq: seq,
    ledgerhash: hash,
    ...(isOfBreakGlass(entry) ? { breakglass: true } : {}),
    data: payload,
  });
  const id = `${receiver.webhook_id}.${seq}`;
  const at = new Date(atMs);
  return {
    body,
    headers: {
      "content-type": "application/cloudevents+json; charset=utf-8",
      "user-agent": "office-git-registry",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": new StandardWebhook(receiver.secret).sign(id, at, body),
    },
  };
}
