import { z } from "zod";
import type { ApiDependencies } from "../dependencies.js";
import { tenantQuery } from "../queries.js";
import { guardedRoute, ok, type Route } from "../route.js";
import { verifyLedger } from "../verify-ledger.js";

const reportSchema = z.object({
  ok: z.boolean(),
  container: z.string(),
  entries: z.number(),
  head: z.object({ seq: z.number(), hash: z.string() }).nullable(),
  anchors_checked: z.number(),
  problem: z.string().optional(),
});

/** Whether the ledger is the one that was written. Source: contracts "Events and projections". */
export function ledgerRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    guardedRoute({
      method: "GET",
      url: "/v1/ledger/verify",
      access: "member",
      tenant: "query",
      group: "ledger",
      summary: "Recompute the tenant's chain and hold it against its anchors",
      detail: "Reads the whole chain; `ok: false` says in `problem` where it breaks.",
      input: { query: tenantQuery },
      answers: { 200: { text: "The verdict", schema: reportSchema } },
      problems: [],
      handle: async ({ principal }) => ok(await verifyLedger(deps, principal.tenant_id)),
    }),
  ];
}
