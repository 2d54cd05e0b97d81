import { z } from "zod";
import type { Target } from "../../domain/ids.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import type { Report } from "../../domain/permit/receipt.js";
import * as answers from "../answers.js";
import { askRegistry, type Connection } from "./http.js";

export type RunnerClient = ReturnType<typeof createRunnerClient>;

/**
 * The api as a Runner that pulls over HTTP sees it, with what it refuses as a value. Every function throws a RegistryFault when the
 * registry cannot be reached or answers what no registry answers. Source: ADR-002 §10, contracts "POST /v1/exec.finish".
 */
export function createRunnerClient(connection: Connection, tenant_id: string) {
  return {
    /** The envelopes that wait for a Runner of this target, the oldest first. */
    listPendingCommands: (target: Target, limit: number) =>
      askRegistry(
        connection,
        { method: "GET", path: "/v1/query/commands", query: { tenant_id, target, pending: "1", limit } },
        z.array(envelopeSchema),
      ),
    /** The statements on the plan of a pending command. The Runner checks each of them itself. */
    listStatements: (jti: string) =>
      askRegistry(
        connection,
        { method: "GET", path: `/v1/commands/${encodeURIComponent(jti)}/statements`, query: { tenant_id } },
        answers.anySchema,
      ),
    /** Reports what became of a command. */
    finish: (report: Report) => askRegistry(connection, { method: "POST", path: "/v1/exec.finish", body: report }, answers.anySchema),
  };
}
