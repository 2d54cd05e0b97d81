import type { Lab256Dependencies } from "./dependencies.js";
import { visitTenants } from "./each-tenant.js";

/** Records the new entries of a tenant's charter. @throws if it does not verify, so that the step is retried */
export async function recordCharter({ charterRecorder }: Lab256Dependencies, tenantId: string): Promise<void> {
  const recorded = await charterRecorder?.record(tenantId);
  if (recorded?.ok === false) throw new Error(recorded.denial.message);
}

/** Records the new entries of every tenant's charter, however they were appended. A charter that cannot be recorded is reported and left out. */
export async function recordCharters({
  db,
  charterRecorder,
  reportFault,
}: Pick<Lab256Dependencies, "db" | "charterRecorder" | "reportFault">): Promise<void> {
  await visitTenants({ db, reportFault }, "cannot record the charter", async (tenantId) => {
    const recorded = await charterRecorder?.record(tenantId);
    if (recorded?.ok === false) reportFault(recorded.denial.message, `cannot record the charter of ${tenantId}`);
  });
}
