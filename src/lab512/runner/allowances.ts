import type { Charters } from "../../decision/charter/charters.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { type Allowance, type JobsAllowlist, narrowAllowance } from "../../domain/permit/allowlist.js";

/** What this Runner may do for each tenant: the allowance in the operator's charter, as far as the Runner's own allowlist leaves it. */
export class Allowances {
  constructor(
    private readonly charters: Pick<Charters, "readAllowance">,
    private readonly allowlist: JobsAllowlist,
  ) {}

  /** Reads the operator's newest charter. Denials: those of {@link Charters.readAllowance}, `job_not_allowed`. */
  async read(tenantId: string): Promise<Outcome<Allowance>> {
    const allowance = await this.charters.readAllowance(tenantId);
    if (!allowance.ok) return allowance;
    const narrowed = narrowAllowance(allowance.value, this.allowlist, tenantId);
    if (narrowed === undefined)
      return denyWith(
        "job_not_allowed",
        `The \`fs_scope\` of ${tenantId} in this Runner's allowlist is not inside ${allowance.value.fs_scope}, which the operator's charter gives the tenant; correct the allowlist.`,
      );
    return grantValue(narrowed);
  }
}
