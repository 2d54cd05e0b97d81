import { type Allowance, NETWORK_NAMES } from "../permit/allowlist.js";
import { JOB_TYPES } from "./job.js";

/** Builds an allowance of every job of this release, in the tenant's own folder. */
export function buildFullAllowance(tenant: string): Allowance {
  return { fs_scope: `tenants/${tenant}`, network_whitelist: [...NETWORK_NAMES], jobs: [...JOB_TYPES] };
}
