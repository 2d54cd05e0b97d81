import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { type Checkout, refuseInfra } from "./checkout.js";

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

/** Opens a pull request. Returns its address. @throws InfraRefused with gh's message */
export async function createPullRequest(
  checkout: Checkout,
  { base, head, title, body }: { readonly base: string; readonly head: string; readonly title: string; readonly body: string },
): Promise<string> {
  return (await runGh(checkout, ["pr", "create", "--base", base, "--head", head, "--title", title, "--body", body])).trim();
}

/** Fetches the pull request with this number, or the current branch's. @throws InfraRefused */
export async function fetchPullRequest(checkout: Checkout, number: string | undefined): Promise<PullRequest> {
  const fields = Object.keys(pullRequestSchema.shape).join(",");
  const text = await runGh(checkout, ["pr", "view", ...(number === undefined ? [] : [number]), "--json", fields]);
  return pullRequestSchema.parse(JSON.parse(text));
}

/** Squash-merges a pull request whose head has not moved, and deletes its branch. @throws InfraRefused */
export async function mergePullRequest(checkout: Checkout, { number, headRefOid }: PullRequest): Promise<void> {
  await runGh(checkout, ["pr", "merge", String(number), "--squash", "--delete-branch", "--match-head-commit", headRefOid]);
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
