import { actDirectly } from "../src/client/acting.js";
import type { RegistryClient } from "../src/client/http/registry-client.js";
import { hashBlake3Hex } from "../src/domain/bytes/hash.js";
import { ZERO_ID } from "../src/domain/git/git-id.js";
import { buildOneCommit } from "./one-commit-bundle.js";

/** One push of one commit. */
export interface Push {
  readonly project_id: string;
  readonly branch: string;
  readonly expected_old: string;
  readonly bundle: Buffer;
}

const PUSH_MAX_MS = 120_000;

/** Generates successive one-commit pushes of one branch, on top of `parent` if given. */
export function* generatePushes(project_id: string, branch: string, parent?: string): Generator<Push, never> {
  let tip = parent;
  let old = ZERO_ID;
  for (let n = 0; ; n += 1) {
    const { id, bundle } = buildOneCommit(branch, tip, `${project_id} ${branch} ${n}`);
    yield { project_id, branch, expected_old: old, bundle };
    old = id;
    tip = id;
  }
}

/** Builds `count` successive one-commit pushes of one branch. */
export function buildLane(project_id: string, branch: string, count: number): Push[] {
  const pushes = generatePushes(project_id, branch);
  return Array.from({ length: count }, () => pushes.next().value);
}

/** The duration of a push from its permit request to its receipt, or the status and code of its refusal before it began. */
export type Pushed =
  | { readonly done: true; readonly tookMs: number }
  | { readonly done: false; readonly status: number; readonly code: string; readonly tookMs: number };

/** Pushes and waits for the receipt. @throws if the push begins and fails. */
export async function tryPush(client: RegistryClient, { project_id, branch, expected_old, bundle }: Push): Promise<Pushed> {
  const params = { project_id, branch, expected_old, commit_summary: "bench", subject_hash: hashBlake3Hex(bundle) };
  const started = performance.now();
  const answer = await actDirectly(client, {
    office_id: "office::default",
    intent: "bench",
    jobType: "git.registry.push",
    params,
    patch: bundle.toString("base64"),
    target: "LAB_512",
    timeoutMs: PUSH_MAX_MS,
  });
  const tookMs = performance.now() - started;
  if (!answer.ok) return { done: false, status: answer.status, code: answer.problem.code, tookMs };
  const { command } = answer.value;
  if (command.receipt?.status !== "success") throw new Error(`A push ended as ${command.status}: ${command.denial?.message ?? ""}`);
  return { done: true, tookMs };
}

/** Pushes and returns the duration in milliseconds. @throws if the push is refused or fails. */
export async function timePush(client: RegistryClient, one: Push): Promise<number> {
  const pushed = await tryPush(client, one);
  if (!pushed.done) throw new Error(`A push was refused with ${pushed.status} ${pushed.code}.`);
  return pushed.tookMs;
}
