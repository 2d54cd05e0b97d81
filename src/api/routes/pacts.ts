import { findPactArtifact, pactEnvelopeSchema } from "../../domain/act/pact.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { findReceiptByJti } from "../../lab256/ledger/queries/receipts.js";
import type { ApiDependencies } from "../dependencies.js";
import { refuseNotFound } from "../http/problem.js";
import { jtiParams, tenantQuery } from "../http/queries.js";
import { defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** The evidence of merges. Source: ADR-002 §6. */
export function buildPactRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("commands", [
    defineMemberRoute("GET", "/v1/receipts/:jti/pact", {
      tenant: "query",
      summary: "Read the Pact of a merge as the Runner signed it",
      detail:
        "The answer is an in-toto Statement v1 in a DSSE envelope: the bytes whose BLAKE3 the receipt names. It names the merge, the approvals, the policy, the plan and the Runner.",
      input: { params: jtiParams, query: tenantQuery },
      answers: { 200: { text: "The Pact", schema: pactEnvelopeSchema } },
      async handle({ principal: { tenant_id }, params: { jti }, correlate }) {
        correlate(jti);
        const receipt = await findReceiptByJti(deps.db, { tenant_id, jti });
        const named = receipt === undefined ? undefined : findPactArtifact(receipt);
        const bytes = named === undefined ? undefined : await deps.store.blobs.get(named.key);
        if (named === undefined || bytes === undefined) return refuseNotFound("This Pact");
        if (hashBlake3Hex(bytes) !== named.blake3)
          throw new Error(`${named.key} is not what the receipt of ${jti} names; restore the object from a backup.`);
        return { kind: "text", status: 200, text: Buffer.from(bytes).toString("utf8") };
      },
    }),
  ]);
}
