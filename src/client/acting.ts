import { randomUUID } from "node:crypto";
import type { CommandEnvelope } from "../domain/envelope.js";
import type { Permit } from "../domain/permit.js";
import type { Reason } from "../domain/policy-contract.js";
import type { CommandAnswer } from "./answers.js";
import { type Answer, RegistryFault } from "./problem.js";
import type { PermitAsk, RegistryClient } from "./registry-client.js";
import { commandEnd } from "./waiting.js";

export interface DirectAct extends PermitAsk {
  readonly jobId?: string;
  /** Bytes in base64 that travel inside the command; the permit is bound to their hash. */
  readonly patch?: string | undefined;
  /** How long to wait for the receipt, in milliseconds. */
  readonly timeout_ms: number;
}

export interface ActDone {
  readonly level: string;
  readonly reasons: readonly Reason[];
  readonly permit: Permit;
  readonly command: CommandAnswer;
}

/** An act without a card: permit, command, receipt (ADR-002 §10). What the registry refuses is a value. */
export async function actDirectly(client: RegistryClient, { jobId, patch, timeout_ms, ...wanted }: DirectAct): Promise<Answer<ActDone>> {
  const permitted = await client.permit(wanted);
  if (!permitted.ok) return permitted;
  const { permit, level, reasons, subject_hash, policy_hash } = permitted.value;
  const envelope = {
    jti: permit.jti,
    tenant_id: client.tenant_id,
    jobId: jobId ?? newJobId(),
    jobType: wanted.jobType,
    params: patch === undefined ? wanted.params : { ...wanted.params, patch },
    subject_hash,
    policy_hash,
    permit,
    target: wanted.target,
    office_id: permit.scopes.office_id,
  } as CommandEnvelope;
  const issued = await client.issue(envelope);
  if (!issued.ok) return issued;
  const command = await commandEnd(client, permit.jti, timeout_ms);
  return { ok: true, status: 200, value: { level, reasons, permit, command } };
}

/** A job id that nobody else takes. */
export function newJobId(): string {
  return `job-${randomUUID()}`;
}

/** The receipt of a command that succeeded. @throws RegistryFault saying what became of it instead. */
export function receiptOf(command: CommandAnswer) {
  const { receipt, status, denial, jti } = command;
  if (receipt && receipt.status === "success") return receipt;
  throw new RegistryFault(
    `The command ${jti} ended as ${status}: ${denial?.message ?? receipt?.error ?? "without a word"} (${denial?.code ?? receipt?.code ?? status})`,
  );
}
