import { actDirectly, createJobId } from "../../src/client/acting.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { submitDecision } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { CardAsk, RegistryClient } from "../../src/client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave } from "../../src/client/waiting.js";
import type { JobType, PushParams } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import type { StatementDecision } from "../../src/domain/card/statement.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { PasskeyFile } from "../../src/passkey/file.js";
import type { Clone } from "../repository/real-git.js";

export const OFFICE = "office::default";

/** The timeout of all waits. Much longer than any of them takes, so that it only ends a hang. */
export const PATIENCE_MS = 50_000;

/** Access to a registry's actors, in a test or in a script. */
export interface ActorAccess {
  as(name: string, tenant?: string): RegistryClient;
  openPasskeys(name: string): PasskeyFile;
}

/** A job for a card or a permit, with its inline bytes. */
export interface Job {
  readonly jobType: JobType;
  readonly params: object;
  readonly patch?: string;
}

export function buildRegistrationJob(project_id: string): Job {
  return { jobType: "git.registry.init", params: { project_id, name: "Demo", owners: [OFFICE], visibility: "internal" } };
}

/** Builds the push of a clone's HEAD to a branch at `old`. */
export function buildPushJob(clone: Clone, project_id: string, branch: string, old: string = ZERO_ID): Job & { params: PushParams } {
  const bundle = clone.bundle("HEAD", old === ZERO_ID ? [] : [old]);
  const params = { project_id, branch, expected_old: old, commit_summary: "a change", subject_hash: hashBlake3Hex(bundle) };
  return { jobType: "git.registry.push", params, patch: bundle.toString("base64") };
}

export function buildReleaseJob(project_id: string, tag: string, commit: string): Job {
  return { jobType: "git.registry.tag_release", params: { project_id, tag, commit, notes: `# ${tag}\n` } };
}

/** Opens a card and waits until it is planned or closed. */
export async function openCard(author: RegistryClient, { patch, ...job }: Job, more: Partial<CardAsk> = {}): Promise<CardAnswer> {
  const params = patch === undefined ? job.params : { ...job.params, patch };
  const wanted = { office_id: OFFICE, intent: "A test", jobType: job.jobType, params, target: "LAB_512", ...more };
  const { card_id } = requireValue(await author.openCard(wanted));
  return waitForCardToLeave(author, card_id, ["planning"], PATIENCE_MS);
}

/** Decides on a card's current plan. Returns the card's status after it. */
export async function stateDecision(
  actors: ActorAccess,
  name: string,
  decision: StatementDecision,
  { card_id }: { card_id: string },
  tenant?: string,
): Promise<string> {
  const { status } = requireValue(
    await submitDecision(actors.as(name, tenant), actors.openPasskeys(name), { card_id, decision, office_id: OFFICE }),
  );
  return status;
}

/** Opens a card, approves it as bob and waits for its end. */
export async function actByCard(actors: ActorAccess, job: Job, more: Partial<CardAsk> = {}): Promise<CardAnswer> {
  const author = actors.as("admin");
  const card = await openCard(author, job, more);
  await stateDecision(actors, "bob", "approve", card);
  return waitForCardEnd(author, card.card_id, PATIENCE_MS);
}

/** Acts by permit and waits for the end. */
export async function actByPermit(author: RegistryClient, job: Job, more: { risk?: string } = {}) {
  return requireValue(
    await actDirectly(author, { office_id: OFFICE, intent: "A test", target: "LAB_512", timeoutMs: PATIENCE_MS, ...job, ...more }),
  );
}

/** Requests a permit. Returns its command, ready to be issued. */
export async function prepareCommand(
  author: RegistryClient,
  { patch, ...job }: Job,
  more: { risk?: string; approval_ref?: string; office_id?: string; jobId?: string } = {},
): Promise<CommandEnvelope> {
  const { jobId = createJobId(), ...asked } = more;
  const { permit, subject_hash, policy_hash } = requireValue(
    await author.requestPermit({ office_id: OFFICE, intent: "A test", target: "LAB_512", ...job, ...asked }),
  );
  const params = patch === undefined ? job.params : { ...job.params, patch };
  const { tenant_id } = author;
  const shared = { jti: permit.jti, tenant_id, jobId, jobType: job.jobType, params, subject_hash, policy_hash, permit, target: "LAB_512" };
  return { ...shared, office_id: permit.scopes.office_id } as CommandEnvelope;
}
