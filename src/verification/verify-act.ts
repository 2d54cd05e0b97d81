import { buildChangePlan } from "../decision/charter/act-authority.js";
import type { NewestCharter } from "../decision/charter/newest-charter.js";
import { type DecidedCommand, decideCommand } from "../decision/decide-command.js";
import { loadPolicy, type Policy } from "../decision/policy/policy.js";
import { findPushers } from "../decision/pushers.js";
import { type ActRecord, parseActRecord } from "../domain/act/act-record.js";
import { hashInfra, type Infra } from "../domain/act/infra-context.js";
import { isCharterJob, omitPatch, toCharterChange } from "../domain/act/job.js";
import { hashPlan, type Plan } from "../domain/act/plan.js";
import { hashCanonical, toCanonicalText } from "../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../domain/bytes/hash.js";
import { grantValue } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { toBranchRef } from "../domain/git/ref-name.js";
import { needsCard } from "../domain/level.js";
import { checkBinding, checkSubject } from "../domain/permit/binding.js";
import { type Claim, claimSchema } from "../domain/permit/claim.js";
import { type CommandEnvelope, hashEnvelope } from "../domain/permit/envelope.js";
import type { Receipt } from "../domain/permit/receipt.js";
import { isServiceActor } from "../domain/service-actor.js";
import { toCharterKey, toClaimKey, toPolicyBytesKey, toReceiptKey, toRepoPrefix, toRunnerLogKey } from "../domain/storage-key.js";
import type { Repositories } from "../repository/repositories.js";
import { isTruncated, moveRefs, type ProjectBefore, type Receipts } from "./act-chain.js";
import { checkDerivedFiles } from "./derived-files.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { failAt, requireThat } from "./failure.js";
import type { ProjectObjects } from "./project-objects.js";
import { type Replay, replayAct } from "./replayed-act.js";
import type { WalkedCharter } from "./walked-charter.js";

/** Everything that a verification reads. */
export interface Evidence {
  readonly files: EvidenceFiles;
  readonly charter: WalkedCharter;
  readonly receipts: Receipts;
  readonly repositories: Repositories;
  /** Opens the git objects of a project; undefined if they are not there. */
  openObjects(projectId: string): Promise<ProjectObjects | undefined>;
}

/** A verified act: who decided what, by which policy and keys. */
export interface VerifiedAct {
  readonly jti: string;
  readonly receipt: Receipt;
  readonly command: CommandEnvelope;
  /** Absent for an act that ended without an effect: nothing happened that needs a decision. */
  readonly decided?: DecidedCommand;
  readonly plan_digest: string | null;
  /** Whether the plan was computed again from git objects. */
  readonly is_replayed: boolean;
  /** The number of acts of the project before this one whose receipts were read. */
  readonly acts_before: number;
  /** What was taken as recorded, because the files do not show it. */
  readonly taken: readonly string[];
}

/** A receipt with the record and the command that it names. */
interface RecordedAct {
  readonly receipt: Receipt;
  readonly record: ActRecord;
  readonly charter: NewestCharter;
}

/** Verifies one act from its receipt on. @throws VerificationFailure at the first thing that does not hold */
export async function verifyAct(evidence: Evidence, jti: string): Promise<VerifiedAct> {
  const receipt = await evidence.receipts.read(jti);
  const receiptFile = toReceiptKey(receipt.tenant_id, jti);
  // An attempt that took over a change of the charter names the version after it.
  const own = evidence.charter.walk.findAct(jti);
  const version = own === undefined ? receipt.charter_version : Math.min(receipt.charter_version, own.version - 1);
  const charter = await evidence.charter.at(version, receiptFile);
  const record = await readRecord(evidence.files, receipt);
  const act: RecordedAct = { receipt, record, charter };
  checkCommand(act);
  const { claimed_at } = await readClaim(evidence, act);
  const policy = await readPolicy(evidence.files, act);
  const base = { jti, receipt, command: record.command, plan_digest: record.command.permit.scopes.plan_digest ?? null };
  if (receipt.status !== "success") {
    requireThat(receipt.refs.length === 0, receiptFile, "refs", `An act that ended as ${receipt.status} moved no ref.`);
    return { ...base, is_replayed: false, acts_before: 0, taken: ["that nothing happened, from the receipt"] };
  }
  const wroteRefs = receipt.previous_act !== null || receipt.jobType === "git.registry.init";
  requireThat(!wroteRefs || !isTruncated(receipt), receiptFile, "previous_act", "A registration has no act before it.");
  requireThat(wroteRefs || receipt.refs.length === 0, receiptFile, "previous_act", "It moved refs, so an act was before it.");
  const before = await evidence.receipts.readBefore(receipt);
  moveRefs(new Map(before.refs), receipt, receiptFile);
  const infra = findInfra(act);
  const objects = isCharterJob(record.command) ? undefined : await evidence.openObjects(receipt.project_id);
  await objects?.checkComplete(before.refs, receipt);
  const replayed = await replay(evidence, wroteRefs ? objects : undefined, act, before, infra);
  const planned = findPlan(act, replayed);
  const decided = await decide(act, policy, { infra, planned, before, claimed_at });
  checkMoves(act, replayed, planned);
  checkEntry(evidence, act);
  const taken = await checkDerivedFiles({
    ...evidence,
    ...{ charter: evidence.charter, objects, refs: new Map([...before.refs, ...listNewRefs(receipt)]) },
    ...{ command: record.command, receipt, statements: record.evidence.statements },
  });
  return {
    ...base,
    decided,
    is_replayed: replayed !== undefined,
    acts_before: before.acts,
    taken: [...listTaken(act, infra, replayed, objects), ...taken],
  };
}

async function readRecord(files: EvidenceFiles, receipt: Receipt): Promise<ActRecord> {
  const { tenant_id, project_id, jti, logs_key, logs_hash } = receipt;
  const receiptFile = toReceiptKey(tenant_id, jti);
  const wanted = toRunnerLogKey(tenant_id, project_id, logs_key.split("/")[3] ?? "", jti, logs_hash);
  requireThat(logs_key === wanted, receiptFile, "logs_key", "It is not the key of this act's record.");
  const bytes = await files.read(logs_key);
  requireThat(hashBlake3Hex(bytes) === logs_hash, logs_key, "", "Its BLAKE3 is not the `logs_hash` of the receipt.");
  const parsed = parseActRecord(bytes);
  return parsed.ok ? parsed.value : failAt(logs_key, parsed.member, parsed.problem);
}

/** Checks the command and its permit, and that the receipt is the answer to it. */
function checkCommand({ receipt, record, charter }: RecordedAct): void {
  const { command } = record;
  const { permit } = command;
  const receiptFile = toReceiptKey(receipt.tenant_id, receipt.jti);
  const at = (member: string) => `command.${member}`;
  requireThat(
    hashEnvelope(command) === receipt.envelope_digest,
    receipt.logs_key,
    "command",
    "It is not the command whose digest the receipt names.",
  );
  for (const member of ["tenant_id", "jti", "jobId", "jobType", "policy_hash"] as const)
    requireThat(command[member] === receipt[member], receiptFile, member, "The command that it answers has another one.");
  requireThat(command.params.project_id === receipt.project_id, receiptFile, "project_id", "The command that it answers has another one.");
  const bound = checkBinding(command, charter.listKeys("permit"), command.target);
  if (!bound.ok) failAt(receipt.logs_key, at("permit"), bound.denial.message);
  const subject = checkSubject(command);
  if (!subject.ok) failAt(receipt.logs_key, at("params"), subject.denial.message);
  const { actor_id } = permit.scopes;
  requireThat(receipt.actor_id === actor_id, receiptFile, "actor_id", `The permit is for ${actor_id}.`);
  const person = isServiceActor(actor_id) ? null : (charter.find("actor", actor_id)?.person_id ?? null);
  requireThat(receipt.person_id === person, receiptFile, "person_id", `In the charter, ${actor_id} belongs to ${person ?? "nobody"}.`);
}

async function readClaim({ files, charter }: Evidence, { receipt, record }: RecordedAct): Promise<Claim> {
  const file = toClaimKey(receipt.tenant_id, receipt.jti);
  const claim = await files.readJson(file, claimSchema);
  charter.checkRunnerSignature("claim", claim, file);
  for (const member of ["tenant_id", "jti", "envelope_digest", "infra_revision"] as const)
    requireThat(claim[member] === receipt[member], file, member, "The receipt has another one.");
  const digests = record.evidence.statements.map((signed) => hashCanonical(signed));
  requireThat(
    toCanonicalText(digests) === toCanonicalText(claim.statement_digests),
    receipt.logs_key,
    "statement",
    `${file} names others.`,
  );
  const { exp } = record.command.permit;
  requireThat(receipt.status !== "success" || claim.claimed_at < exp, file, "claimed_at", "The permit had expired.");
  return claim;
}

async function readPolicy(files: EvidenceFiles, { receipt, charter }: RecordedAct): Promise<Policy> {
  const { tenant_id, jti, policy_hash, charter_version } = receipt;
  requireThat(
    charter.policy_hash === policy_hash,
    toReceiptKey(tenant_id, jti),
    "policy_hash",
    `In version ${charter_version} of the charter, the policy is ${charter.policy_hash}.`,
  );
  const file = toPolicyBytesKey(tenant_id, policy_hash);
  const bytes = await files.read(file);
  requireThat(hashBlake3Hex(bytes) === policy_hash, file, "", "Its BLAKE3 is not its name.");
  return loadPolicy(bytes);
}

/** Finds the infra context that the act was decided by; the permit binds its hash. */
function findInfra({ receipt, record }: RecordedAct): Infra {
  const { decided, plan } = record.evidence;
  const { infra_hash } = record.command.permit.scopes;
  const infra = plan?.basis.infra ?? decided?.input.infra ?? (infra_hash === undefined ? "none" : undefined);
  if (infra === undefined)
    return failAt(receipt.logs_key, "input", "The record is of an attempt that took the act over, and does not name the infra context.");
  requireThat(hashInfra(infra) === infra_hash, receipt.logs_key, "input.infra", "It is not the infra context that the permit binds.");
  return infra;
}

/** Plans the act again, from the charter or from git objects. Returns undefined without the objects. */
async function replay(
  { charter, repositories }: Evidence,
  objects: ProjectObjects | undefined,
  { charter: { version }, record }: RecordedAct,
  { refs }: ProjectBefore,
  infra: Infra,
): Promise<Replay | undefined> {
  const { command, evidence, log } = record;
  if (isCharterJob(command)) {
    const { tenant_id, target, policy_hash } = command;
    const planned = await charter.planAt(version, toCharterChange(command));
    return { plan: buildChangePlan({ tenant_id, target, job: command }, policy_hash, planned), made: undefined };
  }
  if (objects === undefined) return undefined;
  const act = { command, infra, statements: evidence.statements, refs, log };
  return replayAct(objects, repositories, act, command.permit.scopes.plan_digest);
}

/** Checks that the charter has the entry of an act that changes it; the walk has checked that entry. */
function checkEntry({ charter: { walk } }: Evidence, { receipt, record }: RecordedAct): void {
  if (!isCharterJob(record.command)) return;
  const { tenant_id, jti } = receipt;
  const act =
    walk.findAct(jti) ?? failAt(toCharterKey(tenant_id, walk.version + 1), "", `It is missing: no entry is that of the act ${jti}.`);
  const wanted = { kind: "charter", key: toCharterKey(tenant_id, act.version), version: act.version };
  requireThat(
    act.hasHappened && receipt.artifacts.join() === JSON.stringify(wanted),
    toReceiptKey(tenant_id, jti),
    "artifacts",
    `The charter says of the act: ${JSON.stringify(wanted)}.`,
  );
}

/** Returns the plan that the approvals name: computed from objects, else as recorded. Null for an act without a card. */
function findPlan({ receipt, record }: RecordedAct, replayed: Replay | undefined): PlannedAct | null {
  const { command, evidence } = record;
  const { level, plan_digest } = command.permit.scopes;
  if (plan_digest === undefined) {
    requireThat(!needsCard(level), receipt.logs_key, "command.permit.scopes.plan_digest", `An act of level ${level} needs a plan.`);
    return null;
  }
  if (evidence.plan !== null)
    requireThat(hashPlan(evidence.plan) === plan_digest, receipt.logs_key, "plan", "It is not the plan whose digest the permit names.");
  if (replayed !== undefined) {
    const digest = hashPlan(replayed.plan);
    requireThat(
      digest === plan_digest,
      isCharterJob(command) ? receipt.logs_key : toRepoPrefix(receipt.tenant_id, receipt.project_id),
      isCharterJob(command) ? "command.permit.scopes.plan_digest" : "",
      `The plan, computed again, has the digest ${digest}; the approved one is ${plan_digest}.`,
    );
    return { plan: replayed.plan, plan_digest };
  }
  if (evidence.plan === null) return failAt(receipt.logs_key, "plan", "It is missing, and there are no objects to compute it from.");
  checkPlanBasis(receipt, command, evidence.plan);
  return { plan: evidence.plan, plan_digest };
}

/** Checks that a plan that nobody computes again is about this command. */
function checkPlanBasis({ logs_key }: Receipt, command: CommandEnvelope, { basis }: Plan): void {
  const { tenant_id, jobType, target, params, policy_hash } = command;
  const wanted = { tenant_id, project_id: params.project_id, job_type: jobType, target, params: omitPatch(params), policy_hash };
  for (const [member, value] of Object.entries(wanted)) {
    const found = basis[member as keyof typeof wanted];
    requireThat(toCanonicalText(found) === toCanonicalText(value), logs_key, `plan.basis.${member}`, "It is not that of the command.");
  }
}

interface DecisionFacts extends Pick<Claim, "claimed_at"> {
  readonly infra: Infra;
  readonly planned: PlannedAct | null;
  readonly before: ProjectBefore;
}

/** Makes the decision again, and compares it with the recorded one. */
async function decide(
  { receipt, record, charter }: RecordedAct,
  policy: Policy,
  { infra, planned, before, claimed_at }: DecisionFacts,
): Promise<DecidedCommand> {
  const { card, statements, attestations, decided: recorded } = record.evidence;
  const { logs_key } = receipt;
  const authority = card === null ? null : { card, statements: [...statements], attestations: [...attestations] };
  const decided = await decideCommand(record.command, authority, {
    rules: { charter, policy },
    infra,
    planned,
    now_ms: claimed_at,
    readPushers: async (commits) => grantValue(findPushers(before.pushes, commits)),
  });
  if (!decided.ok) return failAt(logs_key, "decision", `The decision cannot be made again: ${decided.denial.message}`);
  const own = decided.value.evidence;
  const compare = (member: string, ours: unknown, theirs: unknown) =>
    requireThat(toCanonicalText(ours) === toCanonicalText(theirs), logs_key, member, "It is not what the decision made again yields.");
  if (recorded !== undefined) {
    compare("input", own.decided?.input, recorded.input);
    compare("decision", own.decided?.decision, recorded.decision);
  }
  compare("statement", own.statements, statements);
  compare("attestation", own.attestations, attestations);
  return decided.value;
}

/** Checks that the act moved the refs that its plan names, and only those. */
function checkMoves({ receipt, record }: RecordedAct, replayed: Replay | undefined, planned: PlannedAct | null): void {
  const file = toReceiptKey(receipt.tenant_id, receipt.jti);
  const plan = replayed?.plan ?? planned?.plan;
  const wanted = plan?.basis.refs ?? listCommandMoves(record.command);
  if (wanted === undefined) return;
  const names = (moves: readonly { readonly name: string; readonly old: string }[]) => moves.map(({ name, old }) => `${name} from ${old}`);
  requireThat(
    names(wanted).join() === names(receipt.refs).join(),
    file,
    "refs",
    `The act moves ${names(wanted).join(", ") || "no ref"}, and the receipt says ${names(receipt.refs).join(", ") || "none"}.`,
  );
  for (const [at, move] of wanted.entries()) {
    const next = receipt.refs[at]?.new;
    const expected = move.new ?? replayed?.made;
    requireThat(
      expected === undefined ? next !== ZERO_ID : next === expected,
      file,
      "refs",
      `The act moves ${move.name} to ${expected ?? "a commit"}, and the receipt says ${next}.`,
    );
  }
}

/** Lists the moves that a command names by itself. Undefined where it does not name them. */
function listCommandMoves(command: CommandEnvelope): { name: string; old: string; new: string | null }[] | undefined {
  if (command.jobType !== "git.registry.push") return undefined;
  const { branch, expected_old, delete: deletes } = command.params;
  return [{ name: toBranchRef(branch), old: expected_old, new: deletes === true ? ZERO_ID : null }];
}

function listNewRefs({ refs }: Receipt) {
  return refs.flatMap((move) => (move.new === ZERO_ID ? [] : [[move.name, { id: move.new }] as const]));
}

function listTaken(
  { receipt, record }: RecordedAct,
  infra: Infra,
  replayed: Replay | undefined,
  objects: ProjectObjects | undefined,
): string[] {
  const { jobType, infra_revision } = receipt;
  const hasPlan = record.command.permit.scopes.plan_digest !== undefined;
  return [
    ...(objects === undefined && !isCharterJob(record.command) ? ["the objects of the project, which are not here"] : []),
    ...(replayed === undefined && hasPlan ? ["the plan, whose digest the approvals name"] : []),
    ...(replayed === undefined && jobType === "git.registry.push" ? ["which commits were pushed"] : []),
    ...(infra === "none" ? [] : [`the infra context of revision ${infra_revision ?? "unknown"}`]),
  ];
}
