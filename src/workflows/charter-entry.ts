import type { AppendedEntry, CharterEntry } from "../domain/charter/entry.js";
import type { Outcome } from "../domain/denial.js";
import { charterWriter, lab256 } from "./activities.js";

/** Appends a signed entry to a tenant's charter, and projects the tenant's members from it. */
export async function charterEntry(entry: CharterEntry): Promise<Outcome<AppendedEntry>> {
  const appended = await charterWriter.appendCharterEntry(entry);
  if (appended.ok) await lab256.recordCharter({ tenant_id: entry.tenant_id });
  return appended;
}
