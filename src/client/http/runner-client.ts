import { z } from "zod";
import type { Target } from "../../domain/ids.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import type { Report } from "../../domain/permit/receipt.js";
import * as answers from "../answers.js";
import { askRegistry, type Connection } from "./http.js";

export type RunnerClient = ReturnType<typeof createRunnerClient>;

/**
 * Creates the api's functions for a Runner that pulls over HTTP. A refusal is a value. Every function throws a RegistryFault if the
 * registry is unreachable or its answer is not a registry's. Source: ADR-002 §10, contracts "POST /v1/exec.finish".
 */
export function createRunnerClient(connection: Connection, tenant_id: string) {
  return {
    /** Lists the envelopes that wait for a Runner of this target, oldest first. */
    listPendingCommands: (target: Target, limit: number) =>
      askRegistry(
        connection,
        { method: "GET", path: "/v1/query/commands", query: { tenant_id, target, pending: "1", limit } },
        z.array(envelopeSchema),
      ),
    /** Lists the statements on a pending command's plan. The Runner verifies each of them itself. */
    listStatements: (jti: string) =>
      askRegistry(
        connection,
        { method: "GET", path: `/v1/commands/${encodeURIComponent(jti)}/statements`, query: { tenant_id } },
        answers.anySchema,
      ),
    /** Reports the result of a command. */
    finish: (report: Report) => askRegistry(connection, { method: "POST", path: "/v1/exec.finish", body: report }, answers.anySchema),
  };
}
