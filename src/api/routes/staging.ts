import { z } from "zod";
import { blake3Schema } from "../../domain/ids.js";
import type { ApiDependencies } from "../dependencies.js";
import { problem } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { created, guardedRoute, ok, type Route } from "../http/route.js";
import { receiveStaged } from "../staging/receive-staged.js";

/** Bytes on their way in, before anything has been decided about them. Source: contracts "Canonical bytes and hashes". */
export function stagingRoutes(deps: ApiDependencies): readonly Route[] {
  const limit = `${Math.trunc(deps.staged_max_bytes / 1024 / 1024)} MiB`;
  return [
    guardedRoute({
      method: "PUT",
      url: "/v1/staging/:blake3",
      access: "member",
      tenant: "query",
      group: "staging",
      summary: "Stage bytes under their BLAKE3",
      detail: `\`application/octet-stream\`, at most ${limit}. The same bytes can be sent again; they are kept once.`,
      input: { params: z.strictObject({ blake3: blake3Schema }), query: tenantQuery },
      takes_bytes: true,
      body_max_bytes: deps.staged_max_bytes,
      answers: {
        200: { text: "They were there already", schema: z.object({ blake3: blake3Schema, size_bytes: z.number() }) },
        201: { text: "Stored", schema: z.object({ blake3: blake3Schema, size_bytes: z.number() }) },
      },
      problems: ["too_large", "unsupported", "subject_hash_mismatch"],
      async handle({ principal: { tenant_id }, params: { blake3 }, bytes, correlate }) {
        correlate(blake3);
        const received = await receiveStaged(deps.store, tenant_id, blake3, bytes, deps.staged_max_bytes);
        switch (received.outcome) {
          case "too_large":
            return problem("too_large", `Staged bytes are at most ${limit}.`, { headers: { connection: "close" } });
          case "mismatch":
            return problem("subject_hash_mismatch", `The bytes hash to ${received.actual}, not to ${blake3}; nothing was stored.`, {
              status: 422,
            });
          case "cut_short":
            return problem("invalid_request", "The body ended before it was complete; nothing was stored.");
          default: {
            const body = { blake3, size_bytes: received.size_bytes };
            return received.outcome === "created" ? created(body) : ok(body);
          }
        }
      },
    }),
  ];
}
