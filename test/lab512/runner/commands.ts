import { randomUUID } from "node:crypto";
import { computeCardActId } from "../../../src/domain/act/act-id.js";
import type { BreakGlass } from "../../../src/domain/act/break-glass.js";
import {
  findJobFacts,
  hashSubject,
  type Job,
  omitPatchBytes,
  type PushParams,
  type TagReleaseParams,
} from "../../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import type { ActAuthority } from "../../../src/domain/card/authority.js";
import { type Card, cardSchema, hashCard } from "../../../src/domain/card/card.js";
import type { Assertion, SignedStatement, Statement } from "../../../src/domain/card/statement.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { endsSummary } from "../../../src/domain/git/push-summary.js";
import { toBranchRef } from "../../../src/domain/git/ref-name.js";
import { type CommandEnvelope, envelopeSchema } from "../../../src/domain/permit/envelope.js";
import type { Permit, UnsignedPermit } from "../../../src/domain/permit/permit.js";
import type { Receipt, Refusal } from "../../../src/domain/permit/receipt.js";
import { toReceiptKey, toStagingKey } from "../../../src/domain/storage-key.js";
import { attestStatement, createNonce } from "../../../src/lab256/identity/passkeys/statements.js";
import type { Execution, RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { planAct } from "../../../src/lab512/runner/plan-act.js";
import { executeCommand } from "../../../src/lab512/runner/runner.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { type ApproverName, AUTHOR, toActorId, toPersonId } from "./members.js";
import { TENANT, type World } from "./world.js";

export const PROJECT = "P.demo";
export const PERMIT_TTL_MS = 120_000;
export const MAX_RUN_MS = 600_000;
const APPROVAL_TTL_MS = 24 * 3_600_000;

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
  const { approval_ref, plan_digest } = recipe.scopes ?? {};
  const ofCard =
    approval_ref === undefined || plan_digest === undefined ? undefined : computeCardActId(tenant_id, approval_ref, 1, plan_digest);
  const jti = recipe.permit?.jti ?? ofCard ?? createJti(false);
  const iat = world.clock.now();
  const unsigned: UnsignedPermit = {
    aud: "runner:LAB_512",
    jti,
    iat,
    exp: iat + PERMIT_TTL_MS,
    max_run_ms: MAX_RUN_MS,
    ...recipe.permit,
    scopes: {
      ...shared,
      charter_version: 1,
      level: isRewriting(job) ? "L2" : "L1",
      actor_id: AUTHOR,
      office_id: "office::default",
      ...recipe.scopes,
    },
  };
  const genuine = signObject("permit", unsigned, recipe.signer ?? world.keys.permit);
  const permit = recipe.forge === undefined ? genuine : recipe.forge(genuine);
  const { office_id, policy_hash } = unsigned.scopes;
  const envelope = { ...shared, policy_hash, office_id, jti, jobId: `job-${jti}`, params: job.params, permit, ...recipe.envelope };
  return envelopeSchema.parse(envelope);
}

function isRewriting(job: Job): boolean {
  const { force, deletes } = findJobFacts(job);
  return force || deletes;
}

/** Runs a command as the first attempt of its own workflow, with the changes of `execution`. */
export function runEnvelope(
  deps: RunnerDependencies,
  envelope: unknown,
  execution: Partial<Execution> = {},
  authority: unknown = findAuthority(envelope),
) {
  const jti = String((envelope as { jti?: unknown } | null | undefined)?.jti);
  return executeCommand(deps, { ...buildExecution(jti), ...execution }, { envelope, authority });
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

/** What the cards of this file's acts rest on, by card. */
const authorities = new Map<string, ActAuthority>();

/** Returns what the act of a card rests on, null for another act. */
export function findAuthority(envelope: unknown): ActAuthority | null {
  const { approval_ref } = (envelope as { permit?: { scopes?: { approval_ref?: string } } } | null)?.permit?.scopes ?? {};
  return authorities.get(approval_ref ?? "") ?? null;
}

/**
 * Opens a card for the job and approves its plan, from L4 on with a step-up. Returns the scopes that the permit of an approved card has.
 * {@link runEnvelope} sends card and approvals along.
 */
export async function approveJob(
  world: World,
  deps: RunnerDependencies,
  job: Job,
  level: "L3" | "L4" | "L5" = job.jobType === "git.registry.tag_release" ? "L4" : "L3",
  office_id = "office::default",
  tenant_id = TENANT,
): Promise<Partial<Permit["scopes"]>> {
  const planned = await planAct(deps, { tenant_id, target: "LAB_512", job });
  if (!planned.ok) throw new Error(`no plan: ${planned.denial.code}: ${planned.denial.message}`);
  const { authority, scopes } = buildAuthority(toCardSigner(world), { tenant_id, job, level, office_id, ...planned.value });
  authorities.set(authority.card.card_id, authority);
  return scopes;
}

/** What makes cards and approvals as the api does for persons that it authenticated. */
export interface CardSigner {
  readonly statementKey: SigningKey;
  now(): number;
  assert(name: ApproverName, statement: Statement): Assertion;
}

export function toCardSigner({ keys, clock, members }: World): CardSigner {
  return { statementKey: keys.statement, now: clock.now, assert: members.assert };
}

/** Makes a card for a planned job with the approvals of its level, from L4 on with step-ups, and the scopes of its permit. */
export function buildAuthority(
  signer: CardSigner,
  about: {
    readonly tenant_id: string;
    readonly job: Job;
    readonly level: "L3" | "L4" | "L5";
    readonly office_id: string;
    readonly plan_digest: string;
    /** A break-glass card asks for no level itself. */
    readonly break_glass?: BreakGlass;
    readonly approvers?: readonly ApproverName[];
  },
): { authority: ActAuthority; scopes: Partial<Permit["scopes"]> } {
  const { tenant_id, job, level, office_id, plan_digest, break_glass } = about;
  const { approvers = level === "L5" ? ["bob", "carol"] : ["bob"] } = about;
  const card_id = createCardId((id) => !endsSummary(computeCardActId(tenant_id, id, 1, plan_digest)));
  const unsigned = {
    ...omitPatchBytes(job),
    ...{ tenant_id, card_id, office_id, target: "LAB_512", run: "on_approval", intent: "A test", context: {} },
    ...(break_glass === undefined ? { risk: level } : { break_glass }),
    jobId: `job-${computeCardActId(tenant_id, card_id, 1, plan_digest)}`,
    author: { actor_id: AUTHOR, person_id: toPersonId("ana") },
    opened_at: signer.now(),
  } as const;
  const card = cardSchema.parse(signObject("card", unsigned, signer.statementKey));
  const statements = approvers.map((name) => signApproval(signer, name, card, plan_digest, { hasStepUp: level !== "L3" }));
  return { authority: { card, statements, attestations: [] }, scopes: { level, office_id, approval_ref: card_id, plan_digest } };
}

/**
 * Creates the id of an act that ends a summary of its project's pushes, or of one that does not. With a summary, a Runner needs none of the
 * receipts that it covers.
 */
export function createJti(ends: boolean): string {
  const jti = randomUUID();
  return endsSummary(jti) === ends ? jti : createJti(ends);
}

function createCardId(fits: (card_id: string) => boolean): string {
  const card_id = `k-${randomUUID()}`;
  return fits(card_id) ? card_id : createCardId(fits);
}

/** Signs an approval as the api does for the person that it authenticated, with the person's passkey if wanted. */
export function signApproval(
  signer: CardSigner,
  name: ApproverName,
  card: Card,
  plan_digest: string,
  { hasStepUp, ...changes }: Partial<Statement> & { readonly hasStepUp: boolean },
): SignedStatement {
  const statement: Statement = {
    ...{ tenant_id: card.tenant_id, card_id: card.card_id, card_digest: hashCard(card), round: 1, plan_digest, decision: "approve" },
    ...{ approver: toActorId(name), office_id: "office::default", nonce: createNonce(), not_after: signer.now() + APPROVAL_TTL_MS },
    ...changes,
  };
  const attested = attestStatement(statement, signer.statementKey);
  return hasStepUp ? { ...attested, assertion: signer.assert(name, statement) } : attested;
}

export function buildInitJob(project_id: string): Job {
  return { jobType: "git.registry.init", params: { project_id, name: "Demo", owners: ["office::default"], visibility: "private" } };
}

export function buildTagJob(params: Pick<TagReleaseParams, "commit"> & Partial<TagReleaseParams>): Job {
  return { jobType: "git.registry.tag_release", params: { project_id: PROJECT, tag: "v1.0.0", notes: "First.", ...params } };
}

/** Stages the bytes of a push. Returns its job. */
export async function stagePushJob(
  world: World,
  bytes: Uint8Array,
  params: Partial<PushParams> & { branch: string },
  tenant_id = TENANT,
): Promise<Job> {
  const subject_hash = hashBlake3Hex(bytes);
  await world.store.blobs.create(toStagingKey(tenant_id, subject_hash), bytes);
  const honest = { project_id: PROJECT, expected_old: ZERO_ID, commit_summary: "A change", subject_hash };
  return { jobType: "git.registry.push", params: { ...honest, ...params } };
}

/** Registers a project as an approved act. */
export async function registerByRunner(world: World, deps: RunnerDependencies, project = PROJECT): Promise<Receipt> {
  const job = buildInitJob(project);
  return waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job) })));
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
