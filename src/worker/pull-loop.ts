import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { ConfigurationError } from "../configuration/environment.js";
import { type CommandEnvelope, envelopeSchema } from "../domain/envelope.js";
import type { RunnerDependencies } from "../runner/dependencies.js";
import { pulledExecution } from "../runner/pulled-execution.js";
import { runCommand } from "../runner/runner.js";
import { scopeToTenant } from "../storage/scoped.js";

/** A tenant's own token for the api, by tenant id. */
export const pullTokensSchema = z.record(z.string(), z.string().min(1));

export interface PullOptions {
  readonly api_url: string;
  readonly tokens: Readonly<Record<string, string>>;
  readonly every_ms: number;
  readonly signal: AbortSignal;
  report(message: string): void;
}

const REQUEST_TIMEOUT_MS = 10_000;
const COMMANDS_MAX_COUNT = 16;

/** Pulls the commands of tenants that are served over HTTP, runs each exactly as a Temporal activity would, and posts its receipt. */
export async function pullCommands(deps: RunnerDependencies, options: PullOptions): Promise<void> {
  while (!options.signal.aborted) {
    for (const [tenantId, token] of Object.entries(options.tokens)) {
      // A fault (the api or the store does not answer) is tried again with the next round; the claim keeps every act single.
      await pullOnce(deps, options, tenantId, token).catch((error: unknown) => options.report(`${tenantId}: ${String(error)}`));
    }
    await delay(options.every_ms, undefined, { signal: options.signal }).catch(() => options.report("stopping"));
  }
}

async function pullOnce(deps: RunnerDependencies, options: PullOptions, tenantId: string, token: string): Promise<void> {
  for (const envelope of await pending(deps, options, tenantId, token)) {
    const execution = await pulledExecution(scopeToTenant(deps.store, tenantId), envelope, options.signal);
    const answer = await runCommand(deps, execution, { envelope, statements: [] });
    if (answer.kind === "refusal") options.report(`refused ${envelope.jobId}: ${answer.refusal.code}`);
    else await request(options, token, "/v1/exec.finish", answer.receipt);
  }
}

async function pending(deps: RunnerDependencies, options: PullOptions, tenantId: string, token: string): Promise<CommandEnvelope[]> {
  const query = new URLSearchParams({ tenant_id: tenantId, target: deps.target, pending: "1", limit: String(COMMANDS_MAX_COUNT) });
  return z.array(envelopeSchema).parse(await request(options, token, `/v1/query/commands?${query}`));
}

async function request(options: PullOptions, token: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(new URL(path, options.api_url), {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
  });
  const text = await response.text();
  // A receipt that was posted already is no fault: the answer to it was lost.
  if (!response.ok && response.status !== 409) throw new ConfigurationError(`${path} answered ${response.status}: ${text.slice(0, 500)}`);
  return text === "" ? undefined : JSON.parse(text);
}
