import { z } from "zod";
import { toRegistryContainer } from "../../domain/ledger/event.js";
import { listEntries } from "../../lab256/ledger/queries/entries.js";
import type { ApiDependencies } from "../dependencies.js";
import { answerPage, pageQuery, tenantQuery } from "../http/queries.js";
import { answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";
import { ledgerReportSchema, verifyLedger } from "../verify-ledger.js";

const entrySchema = z.object({
  container: z.string(),
  tenant_id: z.string(),
  seq: z.number(),
  type: z.string(),
  key: z.string(),
  at_ms: z.number(),
  payload: z.unknown(),
  prev_hash: z.string(),
  hash: z.string(),
});

/** Reading and verifying the ledger. Source: contracts "Events and projections". */
export function buildLedgerRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("ledger", [
    defineMemberRoute("GET", "/v1/ledger/verify", {
      tenant: "query",
      load: "audit",
      summary: "Recompute the tenant's chain and compare it with its anchors",
      detail: "Reads the whole chain and the newest 1,000 anchors. With `ok: false`, `problem` names the first defect.",
      input: { query: tenantQuery },
      answers: { 200: { text: "The verdict", schema: ledgerReportSchema } },
      handle: async ({ principal }) => answerOk(await verifyLedger(deps, principal.tenant_id)),
    }),
    defineMemberRoute("GET", "/v1/ledger/entries", {
      tenant: "query",
      summary: "List the entries of the tenant's chain, the oldest first",
      detail:
        'A `Link` header with rel="next" leads to the next page. `after` is the `seq` of the last known entry. A page ends with the entry at which its payloads reach 4 MiB. `hash` is BLAKE3 of the canonical JSON (RFC 8785) of the entry without `hash`.',
      input: { query: pageQuery },
      answers: { 200: { text: "The entries", schema: z.array(entrySchema) } },
      async handle(call) {
        const { limit, after } = call.query;
        const page = await listEntries(deps.db, { container: toRegistryContainer(call.principal.tenant_id), limit, after });
        return answerPage(call, page.items, page.next);
      },
    }),
  ]);
}
