import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { type Checkout, refuseInfra } from "./checkout.js";
import type { InfraRefused } from "./refused.js";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

/** A pull request as `gh pr view --json` prints it. Source: GitHub CLI manual, gh-pr-view(1). */
const pullRequestSchema = z.object({
  number: z.int().positive(),
  url: z.string(),
  state: z.string(),
  baseRefName: z.string(),
  headRefName: z.string(),
  headRefOid: z.string(),
});
export type PullRequest = z.infer<typeof pullRequestSchema>;

/** What the forge says of a pull request after a command: gh's exit code tells how gh fared, not what became of the merge. */
const stateSchema = z.object({ state: z.string(), url: z.string(), mergeCommit: z.object({ oid: z.string() }).nullable() });

/** What became of a merge. A pending one is up to the forge: its queue, or the checks that it waits for. */
export type MergeResult =
  /** `fault` is what gh failed at afterwards. */
  { readonly kind: "merged"; readonly merge_commit: string | null; readonly fault?: string } | { readonly kind: "pending" };

/** Opens a pull request. Returns its address. @throws InfraRefused with gh's message, `pull_request_exists` if the branch has one */
export async function createPullRequest(
  checkout: Checkout,
  { base, head, title, body }: { readonly base: string; readonly head: string; readonly title: string; readonly body: string },
): Promise<string> {
  try {
    return (await runGh(checkout, ["pr", "create", "--base", base, "--head", head, "--title", title, "--body", body])).trim();
  } catch (error) {
    const { state, url } = await fetchState(checkout, head).catch(() => {
      throw error;
    });
    if (state !== "OPEN") throw error;
    throw refuseInfra(
      "pull_request_exists",
      `${head} has an open pull request: ${url}; push to it, or merge it: scripts/infra/helpers/merge-pr.sh.`,
    );
  }
}

/** Fetches the pull request with this number, or the current branch's. @throws InfraRefused */
export async function fetchPullRequest(checkout: Checkout, number: string | undefined): Promise<PullRequest> {
  const fields = Object.keys(pullRequestSchema.shape).join(",");
  const text = await runGh(checkout, ["pr", "view", ...(number === undefined ? [] : [number]), "--json", fields]);
  return pullRequestSchema.parse(JSON.parse(text));
}

/** Squash-merges a pull request whose head has not moved, deletes its branch, and asks the forge what became of it. @throws InfraRefused */
export async function mergePullRequest(checkout: Checkout, { number, headRefOid }: PullRequest): Promise<MergeResult> {
  const args = ["pr", "merge", String(number), "--squash", "--delete-branch", "--match-head-commit", headRefOid];
  const failed = await runGh(checkout, args).then(
    () => undefined,
    (error: InfraRefused) => error,
  );
  const found = await fetchState(checkout, String(number)).catch((unknown) => {
    throw failed ?? unknown;
  });
  if (found.state === "MERGED")
    return {
      kind: "merged",
      merge_commit: found.mergeCommit?.oid ?? null,
      ...(failed === undefined ? {} : { fault: failed.message }),
    };
  if (failed !== undefined) throw failed;
  if (found.state === "OPEN") return { kind: "pending" };
  throw refuseInfra("pull_request_missing", `Pull request ${number} is ${found.state.toLowerCase()} and was not merged.`);
}

async function fetchState(checkout: Checkout, which: string) {
  return stateSchema.parse(JSON.parse(await runGh(checkout, ["pr", "view", which, "--json", Object.keys(stateSchema.shape).join(",")])));
}

async function runGh({ root }: Checkout, args: readonly string[]): Promise<string> {
  try {
    const environment = { ...process.env, GH_PROMPT_DISABLED: "1", NO_COLOR: "1" };
    return (await run("gh", [...args], { cwd: root, env: environment, timeout: TIMEOUT_MS })).stdout;
  } catch (cause) {
    const { code, stderr = "", message } = cause as Error & { code?: string | number; stderr?: string };
    if (code === "ENOENT")
      throw refuseInfra("gh_failed", "The GitHub CLI is missing; install gh (https://cli.github.com) and log in: gh auth login.");
    const words = (stderr.trim() || message).split("\n").slice(-3).join(" ");
    if (args[1] === "view" && /no pull requests? found|could not resolve to a PullRequest/i.test(words))
      throw refuseInfra(
        "pull_request_missing",
        `GitHub has no such pull request (${words}); open one: scripts/infra/helpers/create-pr.sh.`,
      );
    throw refuseInfra("gh_failed", `gh ${args.slice(0, 2).join(" ")} refused: ${words}`);
  }
}
