import { actDirectly } from "../../../client/acting.js";
import type { CardAnswer } from "../../../client/answers.js";
import { requireValue } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { EMPTY_PATCH_HASH, type MergeProtectedParams } from "../../../domain/act/job.js";
import { toBranchRef } from "../../../domain/git/ref-name.js";
import { type Call, RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { reportCardEnd, showCardUntilEnd } from "../../outcome.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { buildDryRunOption, buildOfficeOption } from "../../terminal/option-values.js";
import { type Checkout, MAIN, openCheckout, readCurrentBranch, refuseInfra, requireChangeBranch } from "./checkout.js";
import { fetchPullRequest, mergePullRequest } from "./gh.js";
import { findMergeCard, parseMergeParams } from "./merge-card.js";
import { openRemoteClient, type Remote, readHeadCommit, requireRemote } from "./remote.js";

const DELETE_MS = 120_000;

interface MergeOptions {
  readonly office: string;
  readonly dryRun?: boolean;
}

/** `ogr infra merge-pr`: merges a pull request by number, or the current branch's; or waits for the card that merges. */
export function buildInfraMergePrCommand(): RegistryCommand<MergeOptions> {
  return new RegistryCommand<MergeOptions>("merge-pr [number]", "merge an approved change into main")
    .addOption(buildOfficeOption())
    .addOption(buildDryRunOption())
    .addExamples("ogr infra merge-pr", "ogr infra merge-pr 12 --dry-run")
    .run(async (call) => {
      const checkout = await openCheckout(process.cwd());
      const remote = await requireRemote(checkout);
      const [wanted] = call.arguments;
      await (remote.kind === "ogr" ? mergeByCard(checkout, remote, wanted, call) : mergeAtForge(checkout, wanted, call));
    });
}

async function mergeAtForge(checkout: Checkout, wanted: string | undefined, { options, out }: Call<MergeOptions>): Promise<void> {
  if (wanted !== undefined && !/^[1-9][0-9]{0,9}$/.test(wanted))
    throw new UsageError(`${JSON.stringify(wanted)} is not a pull request number; pass one such as 12, or none for this branch's.`);
  // Without a number the branch selects the pull request, and main has none.
  if (wanted === undefined) await requireChangeBranch(checkout);
  const found = await fetchPullRequest(checkout, wanted);
  const { number, url, headRefName: branch, headRefOid: commit } = found;
  if (found.state !== "OPEN")
    throw refuseInfra("pull_request_missing", `Pull request ${number} is ${found.state.toLowerCase()}; there is nothing to merge.`);
  if (found.baseRefName !== MAIN)
    throw refuseInfra("pull_request_missing", `Pull request ${number} is for ${found.baseRefName}, not for ${MAIN}.`);
  if (wanted === undefined && commit !== (await readHeadCommit(checkout)))
    throw refuseInfra(
      "branch_not_pushed",
      `Pull request ${number} has another commit than ${branch} here; push, and have it reviewed again.`,
    );
  if (options.dryRun)
    return out.print(
      { ok: true, dry_run: true, number, url, branch, commit },
      `Would squash ${url} into ${MAIN} at ${commit} and delete ${branch}\nNothing was changed (--dry-run).`,
    );
  const result = await mergePullRequest(checkout, found);
  if (result.kind === "pending")
    return out.print(
      { ok: true, pending: number, url, branch, commit },
      `${url} is not merged yet: GitHub merges it when its queue and its checks allow.\nNext: gh pr view ${number} --web`,
    );
  const { merge_commit, fault } = result;
  if (fault !== undefined) out.remark(`It is merged, but afterwards ${fault}`);
  out.print(
    { ok: true, merged: number, url, branch, commit, merge_commit, ...(fault === undefined ? {} : { fault }) },
    `Merged ${url}\nNext: git switch ${MAIN} && git pull --ff-only`,
  );
}

/** Waits for the card, which merges by itself once approved, and then deletes the branch. */
async function mergeByCard(
  checkout: Checkout,
  remote: Extract<Remote, { kind: "ogr" }>,
  wanted: string | undefined,
  { openClient, out, options }: Call<MergeOptions>,
): Promise<void> {
  const registry = await openRemoteClient(remote, openClient);
  const card =
    wanted === undefined
      ? await requireMergeCard(registry, remote, await readCurrentBranch(checkout))
      : requireValue(await registry.readCard(wanted));
  const { source, expected_source } = parseMergeParams(card);
  if (wanted === undefined && expected_source !== (await readHeadCommit(checkout)))
    throw refuseInfra(
      "branch_not_pushed",
      `Card ${card.card_id} is for another commit than ${source} has here; push, and open a new card.`,
    );
  if (options.dryRun) {
    const act = { act: "infra.merge", card_id: card.card_id, status: card.status, branch: source, commit: expected_source };
    return printDryRun(out, registry, act, `Would wait for the card ${card.card_id} (${card.status}), and then delete ${source}`);
  }
  reportCardEnd(await showCardUntilEnd(registry, card, out), out);
  out.remark(await deleteMergedBranch(registry, parseMergeParams(card), options.office));
}

/** Deletes the merged branch, unless it has moved since. */
async function deleteMergedBranch(
  registry: RegistryClient,
  { project_id, source: branch, expected_source: expected_old }: MergeProtectedParams,
  office_id: string,
): Promise<string> {
  if ((await registry.findRef(project_id, toBranchRef(branch))) !== expected_old) return `${branch} has moved since the merge, and stays.`;
  const params = { project_id, branch, expected_old, commit_summary: `Delete ${branch}`, subject_hash: EMPTY_PATCH_HASH, delete: true };
  const intent = `Delete ${branch}, which is merged`;
  const wanted = { office_id, intent, jobType: "git.registry.push", params, target: "LAB_512", timeoutMs: DELETE_MS };
  const { command } = requireValue(await actDirectly(registry, wanted));
  if (command.status === "success") return `Deleted the branch ${branch}.`;
  return `The branch ${branch} stays: ${command.denial?.message ?? command.receipt?.error ?? command.status}`;
}

async function requireMergeCard(registry: RegistryClient, { project_id }: { project_id: string }, branch: string): Promise<CardAnswer> {
  const card = await findMergeCard(registry, project_id, branch);
  if (card !== undefined) return card;
  throw refuseInfra("pull_request_missing", `No card merges ${branch} of ${project_id}; open one: scripts/infra/helpers/create-pr.sh.`);
}
