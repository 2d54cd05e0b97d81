import type { AppendedEntry } from "../domain/charter/entry.js";
import type { SentEntry } from "../domain/charter/recovery-request.js";
import type { Outcome } from "../domain/denial.js";
import { charterWriter, lab256 } from "./activities.js";

/** Appends what was signed to a tenant's charter, and projects the tenant's members from it. */
export async function charterEntry(sent: SentEntry): Promise<Outcome<AppendedEntry>> {
  const appended = await charterWriter.appendCharterEntry(sent);
  if (appended.ok) await lab256.recordCharter({ tenant_id: sent.tenant_id });
  return appended;
}
