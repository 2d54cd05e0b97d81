import { randomUUID } from "node:crypto";
import { hashSubject, type Job, type PushParams, type TagReleaseParams } from "../../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { toBranchRef } from "../../../src/domain/git/ref-name.js";
import { type CommandEnvelope, envelopeSchema } from "../../../src/domain/permit/envelope.js";
import type { Permit, UnsignedPermit } from "../../../src/domain/permit/permit.js";
import type { Receipt, Refusal } from "../../../src/domain/permit/receipt.js";
import { toReceiptKey, toStagingKey } from "../../../src/domain/storage-key.js";
import type { Execution, RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { planAct } from "../../../src/lab512/runner/plan-act.js";
import { executeCommand } from "../../../src/lab512/runner/runner.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { TENANT, type World } from "./world.js";

export const PROJECT = "P.demo";
export const PERMIT_TTL_MS = 120_000;
export const MAX_RUN_MS = 600_000;

/** The parts of a command. Each member except `job` replaces the valid value. */
export interface Recipe {
  readonly job: Job;
  readonly tenant_id?: string;
  readonly scopes?: Partial<Permit["scopes"]>;
  readonly permit?: Partial<UnsignedPermit>;
  /** Changes the envelope after the permit was made. */
  readonly envelope?: Readonly<Record<string, unknown>>;
  readonly signer?: SigningKey;
  /** Changes the permit after it was signed. */
  readonly forge?: (permit: Permit) => Permit;
}

export function buildRunnerCommand(world: World, recipe: Recipe): CommandEnvelope {
  const { job } = recipe;
  const tenant_id = recipe.tenant_id ?? TENANT;
  const shared = {
    tenant_id,
    jobType: job.jobType,
    target: "LAB_512",
    subject_hash: hashSubject(job.params),
    policy_hash: world.policy_hash,
  } as const;
  const jti = recipe.permit?.jti ?? randomUUID();
  const iat = world.clock.now();
  const unsigned: UnsignedPermit = {
    aud: "runner:LAB_512",
    jti,
    iat,
    exp: iat + PERMIT_TTL_MS,
    max_run_ms: MAX_RUN_MS,
    ...recipe.permit,
    scopes: { ...shared, level: "L1", actor_id: "ubl:sid:app:ci", office_id: "office::default", ...recipe.scopes },
  };
  const genuine = signObject("permit", unsigned, recipe.signer ?? world.keys.permit);
  const permit = recipe.forge === undefined ? genuine : recipe.forge(genuine);
  const { office_id, policy_hash } = unsigned.scopes;
  const envelope = { ...shared, policy_hash, office_id, jti, jobId: `job-${jti}`, params: job.params, permit, ...recipe.envelope };
  return envelopeSchema.parse(envelope);
}

/** Runs a command as the first attempt of its own workflow, with the changes of `execution`. */
export function runEnvelope(deps: RunnerDependencies, envelope: unknown, execution: Partial<Execution> = {}) {
  const jti = String((envelope as { jti?: unknown } | null | undefined)?.jti);
  return executeCommand(deps, { ...buildExecution(jti), ...execution }, { envelope, statements: [] });
}

function buildExecution(jti: string): Execution {
  return { workflow_id: `act/${jti}`, run_id: `run-${jti}`, activity_id: "1", attempt: 1, signal: new AbortController().signal };
}

export async function waitForReceipt(answer: ReturnType<typeof runEnvelope>): Promise<Receipt> {
  const done = await answer;
  if (done.kind === "receipt") return done.receipt;
  throw new Error(`refused: ${done.refusal.code}: ${done.refusal.error}`);
}

export async function waitForRefusal(answer: ReturnType<typeof runEnvelope>): Promise<Refusal> {
  const done = await answer;
  if (done.kind === "refusal") return done.refusal;
  throw new Error(`not refused: ${done.receipt.status} ${done.receipt.error}`);
}

/** Plans the job. Returns the scopes that an approved card adds: level, card and plan digest. */
export async function planApprovedScopes(
  deps: RunnerDependencies,
  job: Job,
  level: "L3" | "L4" = "L3",
): Promise<Partial<Permit["scopes"]>> {
  const planned = await planAct(deps, { tenant_id: TENANT, target: "LAB_512", job });
  if (!planned.ok) throw new Error(`no plan: ${planned.denial.code}: ${planned.denial.message}`);
  return { level, approval_ref: "k-1", plan_digest: planned.value.plan_digest };
}

export function buildInitJob(project_id: string): Job {
  return { jobType: "git.registry.init", params: { project_id, name: "Demo", owners: ["office::default"], visibility: "private" } };
}

export function buildTagJob(params: Pick<TagReleaseParams, "commit"> & Partial<TagReleaseParams>): Job {
  return { jobType: "git.registry.tag_release", params: { project_id: PROJECT, tag: "v1.0.0", notes: "First.", ...params } };
}

/** Stages the bytes of a push. Returns its job. */
export async function stagePushJob(world: World, bytes: Uint8Array, params: Partial<PushParams> & { branch: string }): Promise<Job> {
  const subject_hash = hashBlake3Hex(bytes);
  await world.store.blobs.create(toStagingKey(TENANT, subject_hash), bytes);
  const honest = { project_id: PROJECT, expected_old: ZERO_ID, commit_summary: "A change", subject_hash };
  return { jobType: "git.registry.push", params: { ...honest, ...params } };
}

/** Registers a project as an approved act. */
export async function registerByRunner(world: World, deps: RunnerDependencies, project = PROJECT): Promise<Receipt> {
  const job = buildInitJob(project);
  return waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes: await planApprovedScopes(deps, job) })));
}

export async function readTip(world: World, branch: string, project = PROJECT): Promise<string | undefined> {
  const state = await readRefs(world.store, { tenant_id: TENANT, project_id: project });
  return state?.refs.get(toBranchRef(branch))?.id;
}

/** Returns the stored receipt unparsed, or undefined. */
export async function readStoredReceipt(world: World, jti: string): Promise<unknown> {
  const bytes = await world.store.blobs.get(toReceiptKey(TENANT, jti));
  return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString("utf8"));
}
