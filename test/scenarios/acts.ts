import { actDirectly, type CompletedAct } from "../../src/client/acting.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { submitDecision } from "../../src/client/deciding.js";
import { type Answer, requireValue } from "../../src/client/http/problem.js";
import type { CardAsk, RegistryClient } from "../../src/client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave } from "../../src/client/waiting.js";
import { EMPTY_PATCH_HASH, type PushParams } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import type { StatementDecision } from "../../src/domain/card/statement.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import type { ServedRegistry } from "../harness/registry.js";

export const OFFICE = "office::default";
export const ACT_MS = 60_000;

/** Returns the refusal of an api, and throws if the request succeeded. */
export function requireRefusal(answer: Answer<unknown>): { status: number; code: string; detail: string } {
  if (answer.ok) throw new Error(`not refused: ${JSON.stringify(answer.value)}`);
  const { code, detail } = answer.problem;
  return { status: answer.status, code, detail };
}

/** A push and its bytes. */
export interface Push {
  readonly params: PushParams;
  readonly patch: string | undefined;
}

export function buildPush(
  project_id: string,
  branch: string,
  expected_old: string | null,
  bytes: Uint8Array,
  more: Partial<PushParams> = {},
): Push {
  const params = {
    project_id,
    branch,
    expected_old: expected_old ?? ZERO_ID,
    commit_summary: `A push to "${branch}"`,
    subject_hash: hashBlake3Hex(bytes),
    ...more,
  };
  return { params, patch: Buffer.from(bytes).toString("base64") };
}

export function buildDeletion(project_id: string, branch: string, expected_old: string): Push {
  return {
    params: { project_id, branch, expected_old, commit_summary: `Delete ${branch}`, subject_hash: EMPTY_PATCH_HASH, delete: true },
    patch: undefined,
  };
}

/** Pushes by permit and waits until the command has ended. */
export function issuePush(
  client: RegistryClient,
  { params, patch }: Push,
  more: { office_id?: string; jobId?: string; risk?: string } = {},
): Promise<Answer<CompletedAct>> {
  return actDirectly(client, {
    office_id: OFFICE,
    intent: "Push",
    jobType: "git.registry.push",
    params,
    patch,
    target: "LAB_512",
    timeoutMs: ACT_MS,
    ...more,
  });
}

/** Pushes by permit, and throws unless the push succeeds. */
export async function pushOrThrow(client: RegistryClient, wanted: Push): Promise<CompletedAct> {
  const done = requireValue(await issuePush(client, wanted));
  if (done.command.status !== "success") throw new Error(`the push ended as ${JSON.stringify(done.command)}`);
  return done;
}

/** Returns a command's status with the code of its denial or receipt. */
export function toEnd({ command }: CompletedAct): { status: string; code: string | undefined } {
  return { status: command.status, code: command.denial?.code ?? command.receipt?.code };
}

/** Opens a card and waits until it is planned or closed. */
export async function openScenarioCard(
  client: RegistryClient,
  wanted: Omit<CardAsk, "office_id" | "intent" | "target"> & { office_id?: string },
): Promise<CardAnswer> {
  const { card_id } = requireValue(await client.openCard({ office_id: OFFICE, intent: "A scenario", target: "LAB_512", ...wanted }));
  return waitForCardToLeave(client, card_id, ["planning"], ACT_MS);
}

export function openPushCard(client: RegistryClient, { params, patch }: Push, more: Partial<CardAsk> = {}): Promise<CardAnswer> {
  return openScenarioCard(client, { jobType: "git.registry.push", params: patch === undefined ? params : { ...params, patch }, ...more });
}

export function openTagCard(
  client: RegistryClient,
  params: { project_id: string; tag: string; commit: string; notes?: string },
  more: Partial<CardAsk> = {},
): Promise<CardAnswer> {
  return openScenarioCard(client, { jobType: "git.registry.tag_release", params: { notes: "Notes.", ...params }, ...more });
}

/** Decides on the card's current plan, with the actor's software passkey if a step-up is required. */
export function stateCardDecision(
  registry: ServedRegistry,
  who: string,
  { card_id }: Pick<CardAnswer, "card_id">,
  decision: StatementDecision = "approve",
  { tenant, office_id = OFFICE }: { tenant?: string; office_id?: string } = {},
) {
  return submitDecision(registry.as(who, tenant), registry.openPasskeys(who), { card_id, decision, office_id });
}

/** Approves as each of them in turn. Returns the card when it has ended. */
export async function approveAsEach(
  registry: ServedRegistry,
  card: CardAnswer,
  who: readonly string[],
  tenant?: string,
): Promise<CardAnswer> {
  for (const name of who) requireValue(await stateCardDecision(registry, name, card, "approve", tenant === undefined ? {} : { tenant }));
  return waitForCardEnd(registry.as("admin", tenant), card.card_id, ACT_MS);
}

/** Registers a project by admin's card, which `approvers` approve. */
export async function registerByCard(
  registry: ServedRegistry,
  project_id: string,
  { approvers = ["bob"], tenant }: { approvers?: readonly string[]; tenant?: string } = {},
): Promise<string> {
  const card = await openScenarioCard(registry.as("admin", tenant), {
    jobType: "git.registry.init",
    params: buildRegistrationParams(project_id),
  });
  const closed = await approveAsEach(registry, card, approvers, tenant);
  if (closed.status !== "success") throw new Error(`${project_id} was not registered: ${JSON.stringify(closed.denial)}`);
  return project_id;
}

export function buildRegistrationParams(project_id: string) {
  return { project_id, name: project_id, owners: [OFFICE], visibility: "internal" };
}

/** Registers a software passkey for each of them who has none. */
export async function ensurePasskeys(registry: ServedRegistry, ...who: string[]): Promise<void> {
  for (const name of who) if ((await registry.openPasskeys(name).list()).length === 0) await registerCountedPasskey(registry, name);
}
