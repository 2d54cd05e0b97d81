import { signed } from "../../domain/signature.js";
import { listTenants } from "../../identity/tenants.js";
import { recordAnchored, unanchoredHead } from "../../ledger/anchors.js";
import { ledgerContainers } from "../../ledger/queries/containers.js";
import { overduePermits } from "../../ledger/queries/permits.js";
import { endPermit } from "../../permits/end-permit.js";
import type { Lab256Dependencies } from "./dependencies.js";
import type { Lab256Activities } from "./types.js";

/** How many permits of a tenant one sweep ends; the next sweep goes on. */
const SWEPT_MAX_COUNT = 50;

/** A direct command may still be on its way to a Runner for a moment after `exp`; its own flow ends that permit. */
const SWEEP_AFTER_MS = 30_000;

export function housekeepingActivities(
  deps: Lab256Dependencies,
): Pick<Lab256Activities, "sweepPermits" | "headsToAnchor" | "recordAnchored"> {
  return {
    async sweepPermits() {
      let ended = 0;
      for (const { tenant_id } of await listTenants(deps.db))
        for (const { jti, card_id } of await overduePermits(deps.db, {
          tenant_id,
          now_ms: deps.now() - SWEEP_AFTER_MS,
          limit: SWEPT_MAX_COUNT,
        })) {
          const reason = "Nobody used the permit until its exp.";
          if ((await endPermit(deps, { tenant_id, jti, card_id, end: "expired", reason, by: "LAB_256" })) === "ended") ended += 1;
        }
      return ended;
    },
    async headsToAnchor() {
      const heads = [];
      for (const { container, tenant_id } of await ledgerContainers(deps.db)) {
        const head = await unanchoredHead(deps.db, container);
        if (head === undefined) continue;
        heads.push(signed("head", { container, tenant_id, seq: head.seq, hash: head.hash, at_ms: deps.now() }, deps.permitKey));
      }
      return heads;
    },
    async recordAnchored(heads) {
      for (const { container, seq, hash } of heads) await recordAnchored(deps.db, container, { seq, hash }, deps.now());
    },
  };
}
