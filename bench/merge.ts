import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId } from "../src/client/acting.js";
import { registerPasskey, submitDecision } from "../src/client/deciding.js";
import { requireValue } from "../src/client/http/problem.js";
import { lookUpMerge } from "../src/client/merging.js";
import { waitForCardToLeave, waitForCommandEnd } from "../src/client/waiting.js";
import type { MergeProtectedParams } from "../src/domain/act/job.js";
import type { CommandEnvelope } from "../src/domain/permit/envelope.js";
import { computePercentile, computeRatio } from "./figures.js";
import { pushHistory } from "./push-history.js";
import { type BenchRegistry, openBenchRegistry, registerProject } from "./registry.js";
import { buildWideHistory, createBranch, runBenchGit } from "./wide-history.js";

const PROJECT = "P.merge";
const OFFICE = "office::default";
const MERGE = "git.registry.merge_protected";
const PATIENCE_MS = 300_000;
const COMMITS_A_PUSH = 10_000;
const CHANGED_FILES = 20;

interface MergeOptions {
  readonly rounds: number;
  readonly commits: number;
  readonly files: number;
}

/**
 * Measures merges of branches with twenty changed files into a diverged target with a long history and a wide tree: an approved command
 * from its issue to its receipt (second plan, merge, Pact), in turn with `git merge` of the same branches in a working copy.
 */
export async function measureMerge(
  { rounds, commits, files }: MergeOptions,
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-merge-"));
  const registry = await openBenchRegistry(log);
  try {
    log(`making a history of ${commits} commits on ${files} files`);
    const source = join(folder, "source");
    buildWideHistory(source, commits, files);
    const base = runBenchGit(["-C", source, "rev-parse", "main"]);
    await pushWholeHistory(registry, source, commits, join(folder, "push.bundle"), log);
    await timeRegistryMerge(registry, "feature/history", "fast-forward");
    const peer = join(folder, "peer");
    runBenchGit(["clone", "--quiet", "--local", source, peer]);
    const ours: number[] = [];
    const theirs: number[] = [];
    // The first merge moves the target away from the base and warms both up.
    for (let round = 0; round <= rounds; round += 1) {
      const branch = `feature/r${round}`;
      createBranch(source, branch, base, round, CHANGED_FILES, commits);
      runBenchGit(["-C", peer, "fetch", "--quiet", "origin", `${branch}:${branch}`]);
      await pushHistory(registry.admin, {
        project_id: PROJECT,
        branch,
        folder: source,
        ref: `refs/heads/${branch}`,
        bundlePath: join(folder, "round.bundle"),
      });
      const [our, their] = [await timeRegistryMerge(registry, branch, "merge"), timeGitMerge(peer, branch)];
      log(`round ${round}: ours ${Math.round(our)} ms, git merge ${Math.round(their)} ms`);
      if (round === 0) continue;
      ours.push(our);
      theirs.push(their);
    }
    const ratios = ours.map((value, n) => computeRatio(value, theirs[n] ?? Number.NaN));
    return {
      history: { commits, files, changed_files: CHANGED_FILES },
      rounds,
      ours_p50_ms: computePercentile(ours, 50),
      git_merge_p50_ms: computePercentile(theirs, 50),
      ratio_p50: [...ratios].sort((a, b) => a - b)[Math.floor((ratios.length - 1) / 2)],
      ratios,
      targets: { ratio: 1.5 },
    };
  } finally {
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Pushes the history in several steps, because a push is limited in size. */
async function pushWholeHistory(
  registry: BenchRegistry,
  source: string,
  commits: number,
  bundlePath: string,
  log: (line: string) => void,
): Promise<void> {
  await registerProject(registry, PROJECT);
  await registerPasskey(registry.approver(), registry.passkeys, "bench");
  for (let left = commits; left > 0; left -= COMMITS_A_PUSH) {
    const ref = "refs/heads/part";
    runBenchGit(["-C", source, "update-ref", ref, left <= COMMITS_A_PUSH ? "main" : `main~${left - COMMITS_A_PUSH}`]);
    log(`pushing, ${left} commits left`);
    await pushHistory(registry.admin, { project_id: PROJECT, branch: "feature/history", folder: source, ref, bundlePath });
  }
}

/** Measures an approved merge into `main`, in milliseconds. */
async function timeRegistryMerge(registry: BenchRegistry, source: string, strategy: MergeProtectedParams["strategy"]): Promise<number> {
  const { admin } = registry;
  const { params } = await lookUpMerge(admin, { project_id: PROJECT, source, target: "main", strategy });
  if (params === undefined) throw new Error(`${source} was not pushed`);
  const act = { office_id: OFFICE, intent: "bench", jobType: MERGE, params, target: "LAB_512" };
  const { card_id } = requireValue(await admin.openCard({ ...act, run: "on_command" }));
  await waitForCardToLeave(admin, card_id, ["planning"], PATIENCE_MS);
  requireValue(await submitDecision(registry.approver(), registry.passkeys, { card_id, decision: "approve", office_id: OFFICE }));
  const approved = await waitForCardToLeave(admin, card_id, ["awaiting_approval"], PATIENCE_MS);
  if (approved.status !== "approved") throw new Error(`${source} was not approved: ${approved.denial?.message ?? approved.status}`);
  const { permit, subject_hash, policy_hash } = requireValue(await admin.requestPermit({ ...act, approval_ref: card_id }));
  const { jti, scopes } = permit;
  const { tenant_id, target, office_id } = scopes;
  const envelope: CommandEnvelope = {
    ...{ jti, tenant_id, jobId: createJobId(), jobType: MERGE, params, subject_hash, policy_hash, permit, target, office_id },
  };
  const started = performance.now();
  requireValue(await admin.issueCommand(envelope));
  const { receipt, denial } = await waitForCommandEnd(admin, jti, PATIENCE_MS);
  const tookMs = performance.now() - started;
  if (receipt?.status !== "success") throw new Error(`${source} was not merged: ${denial?.message ?? receipt?.error}`);
  return tookMs;
}

function timeGitMerge(folder: string, branch: string): number {
  const started = performance.now();
  runBenchGit([
    "-C",
    folder,
    "-c",
    "user.name=Bench",
    "-c",
    "user.email=bench@ogr.example",
    "merge",
    "--quiet",
    "--no-ff",
    "--no-edit",
    branch,
  ]);
  return performance.now() - started;
}
