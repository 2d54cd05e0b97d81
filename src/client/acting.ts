import { randomUUID } from "node:crypto";
import type { CommandAnswer, PermitAnswer } from "./answers.js";
import { type Answer, RegistryFault } from "./http/problem.js";
import type { CommandAsk, PermitAsk, RegistryClient } from "./http/registry-client.js";
import { waitForCommandEnd } from "./waiting.js";

export interface DirectAct extends PermitAsk {
  readonly jobId?: string;
  /** Bytes in base64 that travel inside the command; the permit is bound to their hash. */
  readonly patch?: string | undefined;
  /** The longest wait for the receipt. */
  readonly timeoutMs: number;
  /** Called with each step before it starts. */
  readonly onStep?: (step: "permit" | "command" | "receipt") => void;
}

export interface CompletedAct extends Pick<PermitAnswer, "level" | "reasons" | "permit"> {
  readonly command: CommandAnswer;
}

/** Acts without a card: permit, command, receipt (ADR-002 §10). A refusal is a value. */
export async function actDirectly(
  client: RegistryClient,
  { jobId, patch, timeoutMs, onStep, ...wanted }: DirectAct,
): Promise<Answer<CompletedAct>> {
  onStep?.("permit");
  const permitted = await client.requestPermit(wanted);
  if (!permitted.ok) return permitted;
  const { permit, level, reasons } = permitted.value;
  onStep?.("command");
  const issued = await client.issueCommand(
    buildCommandEnvelope(permitted.value, { ...wanted, tenant_id: client.tenant_id }, { jobId, patch }),
  );
  if (!issued.ok) return issued;
  onStep?.("receipt");
  const command = await waitForCommandEnd(client, permit.jti, timeoutMs);
  return { ok: true, status: 200, value: { level, reasons, permit, command } };
}

/** Builds the command of a permit (ADR-002 §8); `patch` holds its bytes in base64. */
export function buildCommandEnvelope(
  { permit, subject_hash, policy_hash }: PermitAnswer,
  { tenant_id, jobType, params, target }: Pick<CommandAsk, "tenant_id" | "jobType" | "params" | "target">,
  { jobId = createJobId(), patch }: { readonly jobId?: string | undefined; readonly patch?: string | undefined },
): CommandAsk {
  return {
    jti: permit.jti,
    tenant_id,
    jobId,
    jobType,
    params: patch === undefined ? params : { ...params, patch },
    subject_hash,
    policy_hash,
    permit,
    target,
    office_id: permit.scopes.office_id,
  };
}

/** Creates a unique job id. */
export function createJobId(): string {
  return `job-${randomUUID()}`;
}

/** Returns the receipt of a successful command. @throws RegistryFault that tells how the command ended instead */
export function requireReceipt(command: CommandAnswer) {
  const { receipt, status, denial, jti } = command;
  if (receipt && receipt.status === "success") return receipt;
  throw new RegistryFault(
    `The command ${jti} ended as ${status}: ${denial?.message ?? receipt?.error ?? "no message"} (${denial?.code ?? receipt?.code ?? status})`,
  );
}
