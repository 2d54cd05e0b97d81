import { z } from "zod";
import { blake3Schema } from "../../domain/ids.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildProblem } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { answerCreated, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";
import { receiveStagedBytes } from "../staging/receive-staged.js";

/** Staging: bytes that a later act refers to by their hash. Source: contracts "Canonical bytes and hashes". */
export function buildStagingRoutes(deps: ApiDependencies): readonly Route[] {
  const limit = `${Math.trunc(deps.stagedMaxBytes / 1024 / 1024)} MiB`;
  return groupRoutes("staging", [
    defineMemberRoute("PUT", "/v1/staging/:blake3", {
      tenant: "query",
      summary: "Stage bytes under their BLAKE3",
      detail: `The body has at most ${limit}. Staging the same bytes again changes nothing.`,
      input: { params: z.strictObject({ blake3: blake3Schema }), query: tenantQuery },
      takesBytes: true,
      bodyMaxBytes: deps.stagedMaxBytes,
      answers: {
        200: { text: "The bytes were staged before", schema: z.object({ blake3: blake3Schema, size_bytes: z.number() }) },
        201: { text: "The bytes are staged", schema: z.object({ blake3: blake3Schema, size_bytes: z.number() }) },
      },
      problems: ["too_large", "unsupported", "subject_hash_mismatch"],
      async handle({ principal: { tenant_id }, params: { blake3 }, bytes, correlate }) {
        correlate(blake3);
        const received = await receiveStagedBytes(deps.store, tenant_id, blake3, bytes, deps.stagedMaxBytes);
        switch (received.outcome) {
          case "too_large":
            return buildProblem("too_large", `Staged bytes are at most ${limit}.`, { headers: { connection: "close" } });
          case "mismatch":
            return buildProblem("subject_hash_mismatch", `The bytes hash to ${received.actual}, not to ${blake3}; nothing was stored.`, {
              status: 422,
            });
          case "cut_short":
            return buildProblem("invalid_request", "The body ended before it was complete; nothing was stored.");
          default: {
            const body = { blake3, size_bytes: received.sizeBytes };
            return received.outcome === "created" ? answerCreated(body) : answerOk(body);
          }
        }
      },
    }),
  ]);
}
