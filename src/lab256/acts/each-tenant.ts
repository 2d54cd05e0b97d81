import { listTenants } from "../identity/tenants.js";
import type { Lab256Dependencies } from "./dependencies.js";

/** Runs a part of a sweep for each tenant. A tenant at which it fails is reported, and the others have theirs all the same. */
export async function visitTenants(
  { db, reportFault }: Pick<Lab256Dependencies, "db" | "reportFault">,
  what: string,
  visit: (tenantId: string) => Promise<void>,
): Promise<void> {
  for (const { tenant_id } of await listTenants(db))
    await reportFailure({ reportFault }, `${what} of ${tenant_id}`, () => visit(tenant_id));
}

/** Runs a part of a sweep that must not keep the others from running. */
export async function reportFailure(
  { reportFault }: Pick<Lab256Dependencies, "reportFault">,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    reportFault(error, what);
  }
}
