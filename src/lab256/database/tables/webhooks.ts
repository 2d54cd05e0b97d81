import type { WholeNumber } from "./ledger.js";

export interface WebhookTables {
  /** A receiver of a tenant's events. Every entry up to `delivered_seq` was delivered, was filtered out, or is a dead letter. */
  webhooks: {
    tenant_id: string;
    webhook_id: string;
    url: string;
    /** Null for every type. */
    types: string[] | null;
    retries_ms: number[];
    /** The symmetric key of Standard Webhooks, `whsec_…`. */
    secret: string;
    delivered_seq: WholeNumber;
    created_at: WholeNumber;
    disabled_at: WholeNumber | null;
  };
  /** An event that its receiver refused. `replay` requests new attempts. */
  webhook_dead_letters: {
    tenant_id: string;
    webhook_id: string;
    seq: WholeNumber;
    reason: string;
    replay: boolean;
    at_ms: WholeNumber;
  };
}
