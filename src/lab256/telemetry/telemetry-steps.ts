import { computeTelemetryActId } from "../../domain/act/act-id.js";
import { computeDeriveMaxMs } from "../../domain/act/derive-time.js";
import type { TelemetryAppendParams } from "../../domain/act/job.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import type { NextTelemetry, NextTelemetryInput } from "../../domain/flow/lab256-steps.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { Permit } from "../../domain/permit/permit.js";
import { toStagingKey } from "../../domain/storage-key.js";
import { TELEMETRY_SERVICE } from "../../domain/telemetry/service.js";
import { countTelemetry } from "../../process/metrics/lab256.js";
import type { Lab256Dependencies } from "../acts/dependencies.js";
import { createServiceActor, findActor } from "../identity/actors.js";
import { putMembership } from "../identity/memberships.js";
import { listTenants } from "../identity/tenants.js";
import { findCommandByJti } from "../ledger/queries/commands.js";
import { findPermitByJti, type PermitItem } from "../ledger/queries/permits.js";
import { isProjectRegistered } from "../ledger/queries/projects.js";
import { findLastTelemetryAppend } from "../ledger/queries/telemetry-appends.js";
import { advanceTelemetryCursor, readTelemetryCursor } from "../ledger/telemetry-cursor.js";
import { issueDirectPermit } from "../permits/permits.js";
import { composeBatch } from "./telemetry-batch.js";

const DEFAULTS = { everyMs: 60_000, batchMaxLines: 1_000 };

/** A command is started only if its permit remains valid for at least this long. */
const PERMIT_LEFT_MIN_MS = 30_000;

const SMALL_FILE_BYTES = 256 * 1024;
const PAUSE_MS_A_BYTE = (5 * 60_000) / (1024 * 1024);
const LONGEST_PAUSE_MS = 3_600_000;

const APPEND = "git.registry.telemetry_append";

/** Lists the tenants whose acts are written to telemetry: all of them, or none without an infra registry. */
export async function listTelemetryTenants(deps: Lab256Dependencies): Promise<readonly string[]> {
  return deps.infra.kind === "none" ? [] : (await listTenants(deps.db)).map(({ tenant_id }) => tenant_id);
}

/** Prepares the tenant's next telemetry append, and counts it. */
export async function prepareNextTelemetry(deps: Lab256Dependencies, input: NextTelemetryInput): Promise<NextTelemetry> {
  if (deps.infra.kind === "none") return { state: "off" };
  const found = await findNextTelemetry(deps, input);
  // A round after the first means that the append has failed before.
  if (found.state === "blocked" || (found.state === "append" && found.round > 0)) countTelemetry("waits");
  if (found.state === "append") countTelemetry(found);
  return found;
}

async function findNextTelemetry(deps: Lab256Dependencies, { tenant_id, round }: NextTelemetryInput): Promise<NextTelemetry> {
  const { everyMs, batchMaxLines } = deps.telemetry ?? DEFAULTS;
  const [last, passed] = await Promise.all([findLastTelemetryAppend(deps.db, { tenant_id }), readTelemetryCursor(deps.db, tenant_id)]);
  const afterSeq = Math.max(passed, last?.to_seq ?? 0);
  const batch = await composeBatch(deps, { tenant_id, afterSeq, lastProjectId: last?.project_id, batchMaxLines });
  if (batch.state === "none") {
    const { passed_seq } = batch;
    if (passed_seq > afterSeq) await advanceTelemetryCursor(deps.db, tenant_id, passed_seq);
    return { state: "idle", passed_seq, wait_ms: computeWaitMs(batch, everyMs, last?.file_bytes) };
  }
  if (batch.state === "blocked") return batch;
  const { project_id, to_seq, lines, bytes } = batch;
  const waitMs = computeWaitMs(batch, everyMs, last?.file_bytes);
  const subject_hash = hashBlake3Hex(bytes);
  // The last append of this project. It is older than the tenant's last append if the org has changed its telemetry repository.
  const before = await findLastTelemetryAppend(deps.db, { tenant_id, project_id });
  const params = { project_id, from_seq: before?.to_seq ?? 0, to_seq, lines, subject_hash };
  await deps.store.blobs.create(toStagingKey(tenant_id, subject_hash), bytes);
  return prepareTelemetryAppend(deps, tenant_id, params, { round, waitMs });
}

/** Lines that are already waiting are sent without a pause. */
function computeWaitMs({ more }: { readonly more: boolean }, everyMs: number, fileBytes: number | undefined): number {
  return more ? 0 : computePauseMs(everyMs, fileBytes);
}

/**
 * Computes how long to wait for further acts. Every commit stores its files whole, so larger files need larger batches: 5 minutes for
 * each MiB above 256 KiB, at most an hour.
 */
function computePauseMs(everyMs: number, fileBytes = 0): number {
  return Math.max(everyMs, Math.min(LONGEST_PAUSE_MS, Math.round((fileBytes - SMALL_FILE_BYTES) * PAUSE_MS_A_BYTE)));
}

/** Finds the first usable permit for this append: one from an earlier run of the flow, or a new one. */
async function prepareTelemetryAppend(
  deps: Lab256Dependencies,
  tenantId: string,
  params: TelemetryAppendParams,
  first: { readonly round: number; readonly waitMs: number },
): Promise<NextTelemetry> {
  const { waitMs } = first;
  for (let { round } = first; ; round += 1) {
    const jti = computeTelemetryActId(tenantId, params, round);
    const known = await findPermitByJti(deps.db, { tenant_id: tenantId, jti });
    if (known !== undefined && (await isAppendUnderWay(deps, known))) return { state: "running", jti };
    if (known !== undefined && (known.status !== "issued" || known.exp - deps.now() < PERMIT_LEFT_MIN_MS)) continue;
    const permit = known === undefined ? await issueAppendPermit(deps, tenantId, params, jti) : grantValue(known.permit);
    if (!permit.ok) return { state: "blocked", problem: permit.denial.message };
    const { to_seq, lines } = params;
    const { actor_id } = TELEMETRY_SERVICE;
    return {
      state: "append",
      envelope: buildAppendEnvelope(tenantId, params, permit.value),
      actor_id,
      round,
      to_seq,
      lines,
      wait_ms: waitMs,
    };
  }
}

/**
 * Returns whether an append may still be running. An append without a receipt after its maximum run time has lost its flow with
 * Temporal's state. Its lines are sent again, and the repository detects those that it already has.
 */
async function isAppendUnderWay(deps: Lab256Dependencies, { tenant_id, jti, status, permit }: PermitItem): Promise<boolean> {
  if (status !== "used" || (await findCommandByJti(deps.db, { tenant_id, jti }))?.status !== "running") return false;
  return deps.now() <= permit.exp + permit.max_run_ms + computeDeriveMaxMs(permit.max_run_ms);
}

async function issueAppendPermit(
  deps: Lab256Dependencies,
  tenantId: string,
  params: TelemetryAppendParams,
  jti: string,
): Promise<Outcome<Permit>> {
  const { actor_id, office_id } = TELEMETRY_SERVICE;
  const requester = { actor_id, person_id: null, member_offices: await ensureServiceOffices(deps, tenantId) };
  const issued = await issueDirectPermit(deps, requester, {
    tenant_id: tenantId,
    jobType: APPEND,
    target: "LAB_512",
    params,
    office_id,
    intent: `Append ${params.lines} lines of telemetry up to entry ${params.to_seq} of the ledger.`,
    project_exists: await isProjectRegistered(deps.db, { tenant_id: tenantId, project_id: params.project_id }),
    jti,
  });
  if (!issued.allowed) return wrapDenial(issued.denial);
  // If two permits were issued at the same time, the one in the ledger counts.
  return grantValue((await findPermitByJti(deps.db, { tenant_id: tenantId, jti }))?.permit ?? issued.permit);
}

/**
 * Lists the offices of the tenant's telemetry service. Creates the service on first use. A service that was disabled or lost its office
 * stays that way.
 */
async function ensureServiceOffices(deps: Lab256Dependencies, tenantId: string): Promise<readonly string[]> {
  const { actor_id, display_name, office_id } = TELEMETRY_SERVICE;
  await deps.db.transaction().execute(async (trx) => {
    const isNew = await createServiceActor(trx, { tenant_id: tenantId, actor_id, display_name });
    if (isNew) await putMembership(trx, tenantId, actor_id, { office_id, roles: [] });
  });
  const actor = await findActor(deps.db, tenantId, actor_id);
  return actor === undefined || actor.disabled ? [] : actor.offices.map((office) => office.office_id);
}

function buildAppendEnvelope(tenantId: string, params: TelemetryAppendParams, permit: Permit): CommandEnvelope {
  const { jti, scopes } = permit;
  const { subject_hash, policy_hash, office_id } = scopes;
  return {
    jti,
    tenant_id: tenantId,
    jobId: `telemetry-${jti}`,
    jobType: APPEND,
    params,
    subject_hash,
    policy_hash,
    permit,
    target: "LAB_512",
    office_id,
  };
}
