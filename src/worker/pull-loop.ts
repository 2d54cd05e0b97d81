import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { z } from "zod";
import { type Answer, Refused, requireValue } from "../client/http/problem.js";
import { createRunnerClient, type RunnerClient } from "../client/http/runner-client.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import { toReport } from "../domain/permit/receipt.js";
import type { RunnerDependencies } from "../lab512/runner/dependencies.js";
import { resolvePulledExecution } from "../lab512/runner/pulled-execution.js";
import { executeCommand } from "../lab512/runner/runner.js";
import { countAnswer } from "../process/metrics/lab512.js";
import { scopeToTenant } from "../storage/scoped.js";
import { toOutcomeFields } from "./observed-activities.js";

/** Each tenant's own token for the api, by tenant id. */
export const pullTokensSchema = z.record(z.string(), z.string().min(1));

export interface PullOptions {
  readonly apiUrl: string;
  readonly tokens: Readonly<Record<string, string>>;
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const REQUEST_TIMEOUT_MS = 10_000;
const COMMANDS_MAX_COUNT = 16;

/** Pulls commands over HTTP, runs each as the Temporal activity does, and reports its receipt or refusal. */
export async function pullCommands(deps: RunnerDependencies, options: PullOptions): Promise<void> {
  while (!options.signal.aborted) {
    for (const [tenantId, token] of Object.entries(options.tokens)) {
      // The next round retries after a fault. The claim ensures that each act happens once.
      await pullTenantCommands(deps, options, tenantId, token).catch((error: unknown) =>
        options.log.warn({ tenant_id: tenantId, reason: String(error) }, "failed to pull commands; retrying"),
      );
    }
    await delay(options.everyMs, undefined, { signal: options.signal }).catch(() => options.log.info("pulls no more"));
  }
}

async function pullTenantCommands(deps: RunnerDependencies, options: PullOptions, tenantId: string, token: string): Promise<void> {
  const { apiUrl: server, signal } = options;
  const client = createRunnerClient({ server, token, timeoutMs: REQUEST_TIMEOUT_MS, signal }, tenantId);
  for (const envelope of requireValue(await client.listPendingCommands(deps.target, COMMANDS_MAX_COUNT))) {
    if (signal.aborted) return;
    // A command that cannot be run or reported does not delay others.
    await runPulledCommand(deps, options, client, envelope).catch((error: unknown) =>
      options.log.warn(
        { ...toCommandFields(envelope), reason: String(error) },
        "failed to run or report a pulled command; pulling it again",
      ),
    );
  }
}

/** Runs one command and reports its answer. Status 409 means that another Runner has already reported it. */
async function runPulledCommand(
  deps: RunnerDependencies,
  options: PullOptions,
  client: RunnerClient,
  envelope: CommandEnvelope,
): Promise<void> {
  const authority = await fetchAuthority(client, envelope);
  if (!authority.ok) return;
  const execution = await resolvePulledExecution(scopeToTenant(deps.store, envelope.tenant_id), envelope, options.signal);
  const started = performance.now();
  const answer = countAnswer(await executeCommand(deps, execution, { envelope, authority: authority.value }));
  options.log.info({ ...toCommandFields(envelope), ...toOutcomeFields(answer), took_ms: Math.round(performance.now() - started) });
  assertNotRefused(await client.finish(toReport(answer)));
}

/** The fields of a log line about a command, named as on the other planes. */
function toCommandFields({ jti, tenant_id, jobId, permit }: CommandEnvelope) {
  return { correlation_id: permit.scopes.approval_ref ?? jti, tenant_id, jti, job_id: jobId, activity: "runCommand" };
}

/** A command without a card rests on its permit alone, so this saves a request. */
async function fetchAuthority(client: RunnerClient, { jti, permit }: CommandEnvelope): Promise<Outcome<unknown>> {
  if (permit.scopes.approval_ref === undefined) return grantValue(null);
  const answer = assertNotRefused(await client.readAuthority(jti));
  return answer.ok ? grantValue(answer.value) : denyWith("closed", "The command was finished meanwhile.");
}

/** @throws Refused, unless the command is already finished (409). */
function assertNotRefused<T>(answer: Answer<T>): Answer<T> {
  if (!answer.ok && answer.status !== 409) throw new Refused(answer.problem);
  return answer;
}
