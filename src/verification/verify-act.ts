import { buildChangePlan } from "../decision/charter/act-authority.js";
import { listGitKeys } from "../decision/charter/git-keys.js";
import { type DecidedCommand, decideCommand } from "../decision/decide-command.js";
import type { Policy } from "../decision/policy/policy.js";
import { findPushers } from "../decision/pushers.js";
import type { Infra } from "../domain/act/infra-context.js";
import { isCharterJob, omitPatch, toCharterChange } from "../domain/act/job.js";
import { hashPlan, type Plan } from "../domain/act/plan.js";
import { toCanonicalText } from "../domain/bytes/canonical.js";
import { grantValue } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { toBranchRef } from "../domain/git/ref-name.js";
import { needsCard } from "../domain/level.js";
import type { Claim } from "../domain/permit/claim.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import type { Receipt } from "../domain/permit/receipt.js";
import { toCharterKey, toReceiptKey, toRepoPrefix } from "../domain/storage-key.js";
import type { Repositories } from "../repository/repositories.js";
import { isTruncated, moveRefs, type ProjectBefore, type Receipts } from "./act-chain.js";
import { checkDerivedFiles } from "./derived-files.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { failAt, requireThat } from "./failure.js";
import type { ProjectObjects } from "./project-objects.js";
import { checkCommand, findInfra, type RecordedAct, readClaim, readPolicy, readRecord } from "./recorded-act.js";
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

/** Verifies one act from its receipt on. @throws VerificationFailure at the first thing that does not hold */
export async function verifyAct(evidence: Evidence, jti: string): Promise<VerifiedAct> {
  const receipt = await evidence.receipts.read(jti);
  const receiptFile = toReceiptKey(receipt.tenant_id, jti);
  // An attempt that took over a change of the charter names the version after it.
  const own = evidence.charter.walk.findAct(jti);
  const isAfter = own !== undefined && own.version <= receipt.charter_version;
  const charter = await evidence.charter.at(isAfter ? await evidence.charter.readVersionsBefore(own.version) : receipt, receiptFile);
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

/** Plans the act again, from the charter or from git objects. Returns undefined without the objects. */
async function replay(
  { charter, repositories }: Evidence,
  objects: ProjectObjects | undefined,
  { charter: own, receipt, record }: RecordedAct,
  { refs }: ProjectBefore,
  infra: Infra,
): Promise<Replay | undefined> {
  const { command, evidence, log } = record;
  if (isCharterJob(command)) {
    const { tenant_id, target, policy_hash } = command;
    const planned = await charter.planAt(own.version, toCharterChange(command));
    return { plan: buildChangePlan({ tenant_id, target, job: command }, policy_hash, planned), made: undefined };
  }
  if (objects === undefined) return undefined;
  const { scopes } = command.permit;
  const act = {
    ...{ command, infra, statements: evidence.statements, refs, log, moves: receipt.refs },
    permitKeys: charter.gitKeysAt(scopes, receipt.logs_key),
    readGitKeys: async () => listGitKeys(own),
  };
  return replayAct(objects, repositories, act, scopes.plan_digest);
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
  const { evidence: own, marks } = decided.value;
  const makers = marks.solo ? "The only person who can approve approved an act of their own." : "Another person approved it.";
  requireThat(receipt.solo === marks.solo, toReceiptKey(receipt.tenant_id, receipt.jti), "solo", makers);
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
      `The act moves ${move.name} to ${move.new ?? "an object that it makes"}, and the receipt says ${next}, which is another.`,
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
