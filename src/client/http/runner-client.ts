import { z } from "zod";
import type { Target } from "../../domain/ids.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import type { Report } from "../../domain/permit/receipt.js";
import * as answers from "../answers.js";
import { type Connection, createJsonRequests } from "./http.js";

export type RunnerClient = ReturnType<typeof createRunnerClient>;

/**
 * Creates the api's functions for a Runner that pulls over HTTP. A refusal is a value. Every function throws a RegistryFault if the
 * registry is unreachable or its answer is not a registry's. Source: ADR-002 §10, contracts "POST /v1/exec.finish".
 */
export function createRunnerClient(connection: Connection, tenant_id: string) {
  const { get, post } = createJsonRequests(connection);
  return {
    /** Lists the envelopes that wait for a Runner of this target, oldest first. */
    listPendingCommands: (target: Target, limit: number) =>
      get("/v1/query/commands", z.array(envelopeSchema), { tenant_id, target, pending: "1", limit }),
    /** Reads what a pending command of a card rests on. The Runner verifies all of it itself. */
    readAuthority: (jti: string) => get(`/v1/commands/${encodeURIComponent(jti)}/authority`, answers.anySchema, { tenant_id }),
    /** Reports the result of a command. */
    finish: (report: Report) => post("/v1/exec.finish", report, answers.anySchema),
  };
}
