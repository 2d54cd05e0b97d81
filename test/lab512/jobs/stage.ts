import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { type GitJobType, hashSubject, type InitParams, type ParamsOf, type PushParams } from "../../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { parseSigningKey, type SigningKey, signDsse } from "../../../src/domain/bytes/signature.js";
import { signGitObject } from "../../../src/domain/git/git-signature.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import type { Receipt } from "../../../src/domain/permit/receipt.js";
import { toReceiptKey, toStagingKey } from "../../../src/domain/storage-key.js";
import { deriveFromReceipt, executeJob } from "../../../src/lab512/jobs/handlers.js";
import type { DeriveInput, Effects, ExecuteInput, JobContext, JobStep } from "../../../src/lab512/jobs/job.js";
import { writeProjectIndex } from "../../../src/lab512/jobs/project-index.js";
import type { JobLimits } from "../../../src/planning/context.js";
import { planJob } from "../../../src/planning/plan-job.js";
import { Repositories, type RepositoriesOptions } from "../../../src/repository/repositories.js";
import { ensureSpaces, openStore, type StoreConfig } from "../../../src/storage/open.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import { createBucketPrefix, hasS3 } from "../../harness/buckets.js";

export const TENANT = "T.UBL";
export const PROJECT = "P.demo";
/** 2024-01-02T03:04:05.678Z */
export const IAT = 1_704_164_645_678;

/** The Runner's own keys. */
export const RUNNER_KEY = createKey();
export const GIT_KEY = createKey();

export function createKey(): SigningKey {
  return parseSigningKey(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString());
}

export const LIMITS: JobLimits = {
  stagedMaxBytes: 64 * 1024 * 1024,
  packMaxBytes: 64 * 1024 * 1024,
  objectsMaxCount: 100_000,
  blobMaxBytes: 8 * 1024 * 1024,
  pathMaxBytes: 1024,
  archiveMaxBytes: 64 * 1024 * 1024,
  planMaxMs: 240_000,
  diffstatMaxMs: 20_000,
};

export type Backend = "directory" | "s3";
/** For tests of claims, lost responses and races, which depend on the backend. */
export const BACKENDS: readonly Backend[] = hasS3() ? ["directory", "s3"] : ["directory"];
/** The backend of the tests that do not depend on one: S3, or the directory on a machine without S3. */
export const MAIN_BACKEND: Backend = hasS3() ? "s3" : "directory";

/** A store and a work folder, and jobs that run on them as in a Runner, without the Runner's checks. */
export interface Stage {
  readonly folder: string;
  readonly store: ObjectStore;
  readonly repositories: Repositories;
  buildContext(changes?: Partial<JobContext>): JobContext;
  stage(bytes: Uint8Array): Promise<string>;
  init(project?: string): Promise<void>;
  /** Stages bytes and pushes them. Returns the outcome of the push. */
  push(
    bytes: Uint8Array | undefined,
    params: Partial<PushParams> & { branch: string },
    changes?: Partial<JobContext>,
  ): Promise<Awaited<ReturnType<typeof executeTestJob>>>;
  close(): Promise<void>;
}

export async function openStage(backend: Backend, options: Partial<RepositoriesOptions> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-jobs-"));
  const config: StoreConfig =
    backend === "directory"
      ? { kind: "directory", path: join(folder, "store") }
      : { kind: "s3", ...requireS3(), bucket_prefix: createBucketPrefix("jobs"), requestTimeoutMs: 10_000 };
  await ensureSpaces(config);
  const store = await openStore(config);
  const repositories = new Repositories(join(folder, "work"), options);
  const buildContext = (changes: Partial<JobContext> = {}): JobContext => ({
    tenant_id: TENANT,
    store,
    repositories,
    limits: LIMITS,
    readGitKeys: async () => ({ valid: { keys: [GIT_KEY.jwk] }, known: { keys: [GIT_KEY.jwk] } }),
    keepsInfra: false,
    isTakenOver: false,
    signal: new AbortController().signal,
    log: () => undefined,
    keepLog: async () => undefined,
    completeStep: async () => undefined,
    ...changes,
  });
  const stage = async (bytes: Uint8Array) => {
    const hash = hashBlake3Hex(bytes);
    await store.blobs.create(toStagingKey(TENANT, hash), bytes);
    return hash;
  };
  return {
    folder,
    store,
    repositories,
    buildContext,
    stage,
    init: async (project = PROJECT) => {
      const params: InitParams = { project_id: project, name: "Demo", owners: ["office::default"], visibility: "private" };
      value(await executeTestJob(buildContext(), "git.registry.init", params));
    },
    push: async (bytes, params, changes = {}) => {
      const subject_hash = await stage(bytes ?? new Uint8Array(0));
      const whole = { project_id: PROJECT, expected_old: "0".repeat(40), commit_summary: "test", subject_hash, ...params };
      return executeTestJob(buildContext(changes), "git.registry.push", whole);
    },
    close: async () => {
      await repositories.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function requireS3() {
  const { s3 } = inject("servers");
  if (s3 === undefined) throw new Error("no S3 server");
  return s3;
}

/** Runs a job. A second call with the same `jti` is a retry. */
export async function executeTestJob(context: JobContext, jobType: GitJobType, params: ParamsOf<GitJobType>, jti: string = randomUUID()) {
  return executeJob(jobType, context, buildExecuteInput(jobType, params, jti));
}

export async function planTestJob(context: JobContext, jobType: GitJobType, params: ParamsOf<GitJobType>) {
  return planJob(context, jobType, { params, target: "LAB_512", policy_hash: "a".repeat(64), infra: "none" });
}

export async function deriveTestJob(
  context: JobContext,
  jobType: GitJobType,
  params: ParamsOf<GitJobType>,
  effects: Effects,
  jti: string,
  finished_at = IAT,
) {
  const input: DeriveInput<ParamsOf<GitJobType>> = {
    ...buildExecuteInput(jobType, params, jti),
    receipt: buildReceipt(context, jobType, params, effects, jti, finished_at),
  };
  await writeProjectIndex(context, input, finished_at);
  await deriveFromReceipt(jobType, context, input);
}

export function buildExecuteInput(jobType: GitJobType, params: ParamsOf<GitJobType>, jti: string): ExecuteInput<ParamsOf<GitJobType>> {
  const scopes: Permit["scopes"] = {
    tenant_id: TENANT,
    jobType,
    target: "LAB_512",
    subject_hash: hashSubject(params),
    policy_hash: "a".repeat(64),
    charter_version: 1,
    level: "L1",
    actor_id: "ubl:sid:app:ci",
    office_id: "office::default",
  };
  return {
    jti,
    params,
    permit: { aud: "runner:LAB_512", jti, iat: IAT, exp: IAT + 120_000, max_run_ms: 600_000, scopes, kid: "k", sig: "s" },
    statements: [],
    making: { iatMs: IAT, sign: (unsigned) => signGitObject(unsigned, GIT_KEY) },
    signer: { keyid: RUNNER_KEY.kid, sign: (type, body) => signDsse(type, body, RUNNER_KEY) },
  };
}

function buildReceipt(
  context: JobContext,
  jobType: GitJobType,
  params: ParamsOf<GitJobType>,
  effects: Effects,
  jti: string,
  finished_at: number,
): Receipt {
  return {
    tenant_id: context.tenant_id,
    jobId: `job-${jti}`,
    jti,
    jobType,
    project_id: params.project_id,
    status: "success",
    refs: [...effects.refs],
    actor_id: "ubl:sid:app:ci",
    person_id: null,
    charter_version: 1,
    previous_act: effects.previous_act,
    finished_at,
    logs_hash: "b".repeat(64),
    logs_key: "artifacts/x",
    artifacts: effects.artifacts.map((artifact) => JSON.stringify(artifact)),
    usage: { wall_ms: 1, staged_bytes: effects.staged_bytes, stored_bytes: effects.stored_bytes },
    error: "",
    envelope_digest: "c".repeat(64),
    policy_hash: "a".repeat(64),
    kid: "k",
    sig: "s",
  };
}

/** Writes the receipt's object, after which an act's record may be removed. */
export async function storeReceipt(store: ObjectStore, jti: string): Promise<void> {
  await store.blobs.create(toReceiptKey(TENANT, jti), Buffer.from("{}"));
}

export function value<T>(outcome: { ok: true; value: T } | { ok: false; denial: { code: string; message: string } }): T {
  if (!outcome.ok) throw new Error(`denied: ${outcome.denial.code}: ${outcome.denial.message}`);
  return outcome.value;
}

export function code(outcome: { ok: true; value: unknown } | { ok: false; denial: { code: string } }): string {
  return outcome.ok ? "granted" : outcome.denial.code;
}

/** Throws after the named step, as if the Runner had died there. */
export function dieAfterStep(step: JobStep): Pick<JobContext, "completeStep"> {
  return {
    completeStep: async (name) => {
      if (name === step) throw new Error(`died after ${name}`);
    },
  };
}

/** Copies every object of the repository's prefix to a local folder. */
export async function copyPrefix(stage: Stage, project = PROJECT): Promise<string> {
  const target = await mkdtemp(join(stage.folder, "copy-"));
  const prefix = `repos/${TENANT}/${project}.git/`;
  for await (const key of stage.store.blobs.list(prefix)) {
    const path = join(target, key.slice(prefix.length));
    execFileSync("mkdir", ["-p", join(path, "..")]);
    if (!(await stage.store.blobs.getToFile(key, path))) throw new Error(`${key} was listed but does not exist`);
  }
  return target;
}
