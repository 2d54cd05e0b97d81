import { hostname } from "node:os";
import { signObject } from "../../domain/bytes/signature.js";
import type { SignedHead } from "../../domain/ledger/ledger-head.js";
import { findUnanchoredHead, recordAnchor } from "../ledger/anchors.js";
import { readOwnClock, recordClocks } from "../ledger/clock-readings.js";
import { listLedgerContainers } from "../ledger/queries/containers.js";
import { listOverduePermits, type OverdueAfter, type PermitItem } from "../ledger/queries/permits.js";
import { readRunnerClocks } from "../ledger/queries/runner-clocks.js";
import { endPermit } from "../permits/end-permit.js";
import { recordCharters } from "./charters.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { reportFailure, visitTenants } from "./each-tenant.js";
import { voidOutdatedPlans } from "./outdated-plans.js";
import { recordUnrecordedAct } from "./unrecorded-act.js";

/** A sweep stops after about this many settled permits per tenant; the next sweep continues. */
const SWEPT_MAX_COUNT = 50;

/** A direct command can still be on its way to a Runner shortly after `exp`. In that time its own flow ends the permit. */
const SWEEP_AFTER_MS = 30_000;

/** A clock without a reading for this long is removed, because its process may no longer exist. */
const CLOCKS_KEPT_MS = 3_600_000;

/** Ends expired permits, records acts that no flow recorded and entries of charters, voids approvals of outdated plans, and compares clocks. Returns the number of settled permits. */
export async function sweepPermits(deps: Lab256Dependencies): Promise<number> {
  let settled = 0;
  await visitTenants(deps, "cannot sweep the permits", async (tenantId) => {
    settled += await sweepTenant(deps, tenantId);
  });
  // Part of the sweep like the comparison of clocks, so that the histories of running flows stay valid.
  await recordCharters(deps);
  await voidOutdatedPlans(deps);
  await reportFailure(deps, "cannot compare the clocks", () => compareClocks(deps));
  return settled;
}

/** Signs the newest head of each chain whose head has no anchor yet. */
export async function signUnanchoredHeads(deps: Lab256Dependencies): Promise<readonly SignedHead[]> {
  const heads: SignedHead[] = [];
  for (const { container, tenant_id } of await listLedgerContainers(deps.db))
    await reportFailure(deps, `cannot sign the head of ${container}`, async () => {
      const head = await findUnanchoredHead(deps.db, container);
      if (head === undefined) return;
      heads.push(signObject("head", { container, tenant_id, seq: head.seq, hash: head.hash, at_ms: deps.now() }, deps.permitKey));
    });
  return heads;
}

export async function recordAnchors(deps: Lab256Dependencies, heads: readonly SignedHead[]): Promise<void> {
  for (const { container, seq, hash } of heads) await recordAnchor(deps.db, container, { seq, hash }, deps.now());
}

/** Part of the sweep rather than an activity of its own, so that the histories of running flows stay valid. */
async function compareClocks({ db, now }: Lab256Dependencies): Promise<void> {
  const own = await readOwnClock(db, hostname(), now);
  await recordClocks(db, [own, ...(await readRunnerClocks(db, now() - CLOCKS_KEPT_MS))], own.measured_at - CLOCKS_KEPT_MS);
}

/** A claimed permit without a receipt stays on the list. It must not hide the permits after it, so this continues with the next page. */
async function sweepTenant(deps: Lab256Dependencies, tenantId: string): Promise<number> {
  const nowMs = deps.now() - SWEEP_AFTER_MS;
  let settled = 0;
  let after: OverdueAfter | undefined;
  do {
    const permits = await listOverduePermits(deps.db, { tenant_id: tenantId, nowMs, limit: SWEPT_MAX_COUNT, after });
    for (const permit of permits)
      try {
        if (await settlePermit(deps, permit)) settled += 1;
      } catch (error) {
        // One permit whose objects are damaged must not keep the others from being settled.
        deps.reportFault(error, `cannot settle the permit ${permit.jti} of ${tenantId}`);
      }
    after = permits.length < SWEPT_MAX_COUNT ? undefined : permits.at(-1);
  } while (after !== undefined && settled < SWEPT_MAX_COUNT);
  return settled;
}

/** Ends the permit, or records the act that used it. */
async function settlePermit(deps: Lab256Dependencies, permit: PermitItem): Promise<boolean> {
  const { tenant_id, jti, card_id } = permit;
  const reason = "The permit expired unused.";
  const ended = await endPermit(deps, { tenant_id, jti, card_id, end: "expired", reason, by: "LAB_256" });
  return ended === "ended" || recordUnrecordedAct(deps, permit);
}
