import type { Command } from "commander";
import { actDirectly } from "../../../client/acting.js";
import type { CardAnswer } from "../../../client/answers.js";
import { required } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { EMPTY_PATCH_HASH, type MergeProtectedParams } from "../../../domain/act/job.js";
import { branchRef } from "../../../domain/git/ref-name.js";
import { awaited, concluded } from "../../card-outcome.js";
import { type Call, registryLeaf, withExamples } from "../../leaf.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { dryRunOption, officeOption } from "../../terminal/option-values.js";
import { UsageError } from "../../usage.js";
import { branchOf, type Checkout, changingBranch, dryRunMark, MAIN, no, openCheckout } from "./checkout.js";
import { mergePullRequest, pullRequest } from "./gh.js";
import { mergeCardOf, mergeOf } from "./merge-card.js";
import { clientFor, headOf, type Remote, requireRemote } from "./remote.js";

const DELETE_MS = 120_000;

interface MergeOptions {
  readonly office: string;
  readonly dryRun?: boolean;
}

/** `ogr infra merge-pr`: merges a pull request by its number or that of the current branch; or waits for the card that does. */
export function infraMergePr(): Command {
  const command = registryLeaf<MergeOptions>("merge-pr [number]", "merge an approved change into main", async (call) => {
    const checkout = await openCheckout(process.cwd());
    const remote = await requireRemote(checkout);
    const [wanted] = call.arguments;
    if (remote.kind === "ogr") return mergeByCard(checkout, remote, wanted, call);
    if (wanted !== undefined && !/^[1-9][0-9]{0,9}$/.test(wanted))
      throw new UsageError(
        `${JSON.stringify(wanted)} is no number of a pull request; write one such as 12, or nothing for that of this branch.`,
      );
    // Without a number the branch decides, and main has no pull request of its own.
    if (wanted === undefined) await changingBranch(checkout);
    const found = await pullRequest(checkout, wanted);
    if (found.state !== "OPEN")
      throw no("pull_request_missing", `Pull request ${found.number} is ${found.state.toLowerCase()}; there is nothing to merge.`);
    if (found.baseRefName !== MAIN)
      throw no("pull_request_missing", `Pull request ${found.number} is for ${found.baseRefName}, not for ${MAIN}.`);
    if (wanted === undefined && found.headRefOid !== (await headOf(checkout)))
      throw no(
        "branch_not_pushed",
        `Pull request ${found.number} has another commit than ${found.headRefName} here; push, and have it reviewed again.`,
      );
    if (call.options.dryRun)
      return call.out.print(
        { ok: true, ...dryRunMark(true), number: found.number, url: found.url, branch: found.headRefName, commit: found.headRefOid },
        `Would squash ${found.url} into ${MAIN} at ${found.headRefOid} and delete ${found.headRefName}\nNothing was changed (--dry-run).`,
      );
    await mergePullRequest(checkout, found);
    call.out.print(
      { ok: true, merged: found.number, url: found.url, branch: found.headRefName, commit: found.headRefOid },
      `Merged ${found.url}\nNext: git switch ${MAIN} && git pull --ff-only`,
    );
  });
  command.addOption(officeOption()).addOption(dryRunOption());
  return withExamples(command, "ogr infra merge-pr", "ogr infra merge-pr 12 --dry-run");
}

/** An approved card merges by itself: this waits for it, shows what became of it, and then deletes the branch. */
async function mergeByCard(
  checkout: Checkout,
  remote: Extract<Remote, { kind: "ogr" }>,
  wanted: string | undefined,
  { client, out, options }: Call<MergeOptions>,
): Promise<void> {
  const registry = await clientFor(remote, client);
  const card =
    wanted === undefined ? await cardOfBranch(registry, remote, await branchOf(checkout)) : required(await registry.card(wanted));
  const { source, expected_source } = mergeOf(card);
  if (wanted === undefined && expected_source !== (await headOf(checkout)))
    throw no("branch_not_pushed", `Card ${card.card_id} is for another commit than ${source} has here; push it, and open a card for it.`);
  if (options.dryRun) {
    const act = { act: "infra.merge", card_id: card.card_id, status: card.status, branch: source, commit: expected_source };
    return printDryRun(out, registry, act, `Would wait for the card ${card.card_id} (${card.status}), and then delete ${source}`);
  }
  concluded(await awaited(registry, card, out), out);
  out.remark(await branchDeleted(registry, mergeOf(card), options.office));
}

/** Deletes the branch as it was merged; one that has moved on meanwhile stays. */
async function branchDeleted(
  registry: RegistryClient,
  { project_id, source: branch, expected_source: expected_old }: MergeProtectedParams,
  office_id: string,
): Promise<string> {
  const { refs } = required(await registry.project(project_id));
  if (refs.find(({ name }) => name === branchRef(branch))?.object_id !== expected_old)
    return `${branch} is not what was merged any more, and stays.`;
  const params = { project_id, branch, expected_old, commit_summary: `Delete ${branch}`, subject_hash: EMPTY_PATCH_HASH, delete: true };
  const intent = `Delete ${branch}, which is merged`;
  const wanted = { office_id, intent, jobType: "git.registry.push", params, target: "LAB_512", timeout_ms: DELETE_MS };
  const { command } = required(await actDirectly(registry, wanted));
  if (command.status === "success") return `Deleted the branch ${branch}.`;
  return `The branch ${branch} stays: ${command.denial?.message ?? command.receipt?.error ?? command.status}`;
}

async function cardOfBranch(registry: RegistryClient, { project_id }: { project_id: string }, branch: string): Promise<CardAnswer> {
  const card = await mergeCardOf(registry, project_id, branch);
  if (card !== undefined) return card;
  throw no("pull_request_missing", `No card merges ${branch} of ${project_id}; open one: scripts/infra/helpers/create-pr.sh.`);
}
